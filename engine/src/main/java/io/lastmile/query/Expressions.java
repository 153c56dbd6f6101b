package io.lastmile.query;

import io.lastmile.dataset.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The SQL expressions of the user: one value per row, from that row alone, the same at every run.
 */
public final class Expressions {
  private static final String BEFORE = "SELECT (";
  private static final String AFTER = "\n) FROM t";
  private static final int SHOWN = 100;

  private Expressions() {}

  /**
   * An expression that parses. Whether its columns and types exist shows when it is bound.
   *
   * @param sql as written
   * @param columns where it names columns, in the order of the text
   * @param functions that it calls, lower case, without operators, each once
   */
  public record Expression(String sql, List<ColumnUse> columns, List<String> functions) {
    public Expression {
      columns = List.copyOf(columns);
      functions = List.copyOf(functions);
    }

    /**
     * The expression with other SQL, in parentheses, for columns. It can be put in parentheses
     * itself, also when it ends with a comment.
     *
     * @param replacements by {@link ColumnUse#name()}; a column that is not in it stays
     */
    public String substitute(Map<String, String> replacements) {
      StringBuilder text = new StringBuilder();
      int done = 0;
      for (ColumnUse use : columns) {
        String replacement = replacements.get(use.name());
        if (replacement != null) {
          text.append(sql, done, use.begin()).append('(').append(replacement).append(')');
          done = use.end();
        }
      }
      text.append(sql, done, sql.length());
      return sql.contains("--") ? text.append('\n').toString() : text.toString();
    }
  }

  /**
   * A place where an expression names a column.
   *
   * @param name without quotes, in the case it was written
   * @param begin the first char of the name in the expression, with its quote
   * @param end the char after it
   */
  public record ColumnUse(String name, int begin, int end) {}

  /**
   * Parses an expression.
   *
   * @throws QueryException of kind PARSER, with a message for the user, when it does not parse or
   *     is not one scalar expression over the columns of a row that gives the same at every run
   */
  public static Expression parse(Session session, String sql) {
    // In parentheses it is one expression without an alias or a comma; without them it has no
    // closing parenthesis too many.
    Map<?, ?> enclosed = tree(session, BEFORE + sql + AFTER);
    refuse(sql, enclosed, BEFORE.length());
    ExpressionTree tree = new ExpressionTree(session, sql, BEFORE.length());
    Object root = root(enclosed);
    if (root != null) {
      tree.read(root);
    }
    Object isWrong = tree(session, "SELECT " + sql + "\n FROM t").get("error");
    if (root == null || Boolean.TRUE.equals(isWrong)) {
      throw ExpressionTree.refused(sql, "it is not one expression");
    }
    List<ColumnUse> columns = new ArrayList<>(tree.columns());
    columns.sort(Comparator.comparingInt(ColumnUse::begin));
    return new Expression(sql, columns, List.copyOf(tree.functions()));
  }

  static Map<?, ?> tree(Session session, String statement) {
    Object text =
        session.rows("SELECT json_serialize_sql(" + literal(statement) + ")").getFirst().getFirst();
    // The engine's "nowhere" is the largest uint64.
    String json = String.valueOf(text).replace("\":18446744073709551615", "\":-1");
    return Json.parse(json) instanceof Map<?, ?> map ? map : Map.of();
  }

  private static void refuse(String sql, Map<?, ?> tree, int offset) {
    if (!Boolean.TRUE.equals(tree.get("error"))) {
      return;
    }
    String message = String.valueOf(tree.get("error_message"));
    if (message.startsWith("Max expression depth")) {
      throw ExpressionTree.failure(
          "Cannot parse \"%s\": it is more than 1,000 levels deep (list_sum([a, b, …]) adds many values)"
              .formatted(shown(sql)));
    }
    String place = "";
    if (tree.get("position") instanceof String position) {
      int at = Text.chars(BEFORE + sql + AFTER, Integer.parseInt(position)) - offset;
      if (at >= sql.length()) {
        message = "it ends too early";
      } else {
        place = " (character " + (at + 1) + ")";
      }
    }
    throw ExpressionTree.failure("Cannot parse \"" + shown(sql) + "\": " + message + place);
  }

  /** The only expression of the only statement; null when there are more, or more clauses. */
  static @Nullable Object root(Map<?, ?> tree) {
    if (!(tree.get("statements") instanceof List<?> statements)
        || statements.size() != 1
        || !(statements.getFirst() instanceof Map<?, ?> statement)
        || !(statement.get("node") instanceof Map<?, ?> node)
        || !(node.get("select_list") instanceof List<?> list)
        || list.size() != 1
        || !"SELECT_NODE".equals(node.get("type"))
        || !List.of().equals(node.get("modifiers"))
        || node.get("where_clause") != null) {
      return null;
    }
    return list.getFirst();
  }

  /** The expression in one line, for a message. */
  public static String shown(String sql) {
    String line = sql.replaceAll("\\s+", " ").strip();
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN - 1) + "…";
  }

  /** A name as an SQL identifier. */
  public static String quote(String identifier) {
    return "\"" + identifier.replace("\"", "\"\"") + "\"";
  }

  /**
   * The path of one file as an SQL string: the engine takes paths for patterns, so what has a
   * meaning there stands in brackets.
   */
  public static String file(Path path) {
    return literal(path.toString().replaceAll("[*?\\[]", "[$0]"));
  }

  /** A text as an SQL string. */
  public static String literal(String text) {
    return "'" + text.replace("'", "''") + "'";
  }
}
