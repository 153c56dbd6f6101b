package io.lastmile.query;

import io.lastmile.query.Expressions.ColumnUse;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Walks the engine's tree of one expression: finds columns and functions, refuses the rest. */
final class ExpressionTree {
  private static final Set<String> PLAIN =
      Set.of("CONSTANT", "COMPARISON", "CONJUNCTION", "CASE", "CAST", "BETWEEN", "COLLATE", "TYPE");

  private static final Map<String, String> REFUSED =
      Map.of(
          "SUBQUERY",
              "it contains a subquery, but sees one row (use the step join, semi_join or anti_join)",
          "WINDOW",
              "it contains a window function, but sees one row (use the step join with a table of totals)",
          "STAR", "it contains *; name the columns",
          "PARAMETER", "it contains a parameter",
          "POSITIONAL_REFERENCE", "it contains a column by number; name it",
          "DEFAULT", "it contains DEFAULT");

  private static final String OF_A_LIST =
      "it contains ANY or a subquery, but sees one row (use list_contains for a list, the step join, semi_join or anti_join for a table)";

  /** Schemas of the engine's own functions; any other is a column whose method is called. */
  private static final Set<String> SCHEMAS = Set.of("main", "system", "pg_catalog");

  /** Names that the engine takes for these functions where no column has them. */
  private static final Set<String> MOMENTS =
      Set.of(
          "current_date",
          "current_time",
          "current_timestamp",
          "current_user",
          "current_role",
          "current_schema",
          "current_catalog",
          "localtime",
          "localtimestamp");

  private final Session session;
  private final String sql;
  private final int offset;
  private final Map<Integer, ColumnUse> columns = new LinkedHashMap<>();
  private final Set<String> functions = new LinkedHashSet<>();
  private final Deque<Set<String>> lambdas = new ArrayDeque<>();

  /**
   * A walk over the tree of an expression.
   *
   * @param offset chars, all ASCII, before the expression in the statement that was parsed
   */
  ExpressionTree(Session session, String sql, int offset) {
    this.session = session;
    this.sql = sql;
    this.offset = offset;
  }

  Collection<ColumnUse> columns() {
    return columns.values();
  }

  Set<String> functions() {
    return functions;
  }

  /** Reads the tree's root. */
  void read(Object root) {
    boolean isRow = root instanceof Map<?, ?> node && "row".equals(node.get("function_name"));
    if (isRow && root instanceof Map<?, ?> node && number(node, "query_location") == offset - 1) {
      boolean isEmpty = List.of().equals(node.get("arguments"));
      throw refused(sql, isEmpty ? "it is empty" : "it is more than one expression");
    }
    visit(root);
  }

  private void visit(@Nullable Object tree) {
    if (tree instanceof List<?> list) {
      list.forEach(this::visit);
    } else if (tree instanceof Map<?, ?> node) {
      if (node.get("class") instanceof String kind) {
        expression(kind, node);
      } else {
        node.values().forEach(this::visit);
      }
    }
  }

  private void expression(String kind, Map<?, ?> node) {
    String refusal = "ANY".equals(node.get("subquery_type")) ? OF_A_LIST : REFUSED.get(kind);
    if (refusal != null) {
      throw refused(sql, refusal);
    }
    switch (kind) {
      case "COLUMN_REF" -> column(node);
      case "FUNCTION" -> function(node);
      case "OPERATOR" -> operator(node);
      case "LAMBDA" -> arrow(node);
      default -> {
        if (!PLAIN.contains(kind)) {
          throw refused(sql, "it contains " + kind.toLowerCase(Locale.ROOT));
        }
        node.values().forEach(this::visit);
      }
    }
  }

  private void operator(Map<?, ?> node) {
    Object type = node.get("type");
    if ("GROUPING_FUNCTION".equals(type) || "OPERATOR_UNPACK".equals(type)) {
      throw refused(sql, "it contains " + type);
    }
    node.values().forEach(this::visit);
  }

  private void column(Map<?, ?> node) {
    if (!(node.get("column_names") instanceof List<?> names)
        || !(names.getFirst() instanceof String name)
        || lambdas.stream().anyMatch(parameters -> parameters.contains(lower(name)))) {
      return;
    }
    int bytes = Math.toIntExact(number(node, "query_location"));
    int begin = bytes < 0 ? -1 : Text.chars(sql, bytes - offset);
    int end = begin < 0 ? -1 : Text.identifierEnd(sql, begin);
    if (begin < 0 || !Text.unquoted(sql.substring(begin, end)).equalsIgnoreCase(name)) {
      throw refused(sql, "it names column \"" + name + "\" in a way that is not supported yet");
    }
    if (MOMENTS.contains(lower(name)) && sql.charAt(begin) != '"') {
      throw refused(sql, FunctionCatalog.changing(name));
    }
    columns.put(begin, new ColumnUse(name, begin, end));
  }

  private void function(Map<?, ?> node) {
    String name = lower(String.valueOf(node.get("function_name")));
    String schema = String.valueOf(node.get("schema"));
    List<?> arguments = node.get("arguments") instanceof List<?> list ? list : List.of();
    if (!Boolean.TRUE.equals(node.get("is_operator"))) {
      String refusal = FunctionCatalog.refusal(session, name, arguments.size());
      if (refusal != null) {
        throw refused(sql, refusal);
      }
      if (!schema.isEmpty()) {
        String argument = SCHEMAS.contains(lower(schema)) ? "…" : schema;
        throw refused(sql, "write %s(%s) for %s.%s()".formatted(name, argument, schema, name));
      }
      functions.add(name);
    }
    if (node.get("filter") != null || Boolean.TRUE.equals(node.get("distinct"))) {
      throw refused(sql, name + "() has a clause of an aggregate, but it sees one row");
    }
    for (Object argument : arguments) {
      Object value = argument instanceof Map<?, ?> named ? named.get("expression") : null;
      if (value instanceof Map<?, ?> lambda && isLambda(lambda)) {
        lambda(lambda);
      } else {
        visit(value);
      }
    }
  }

  /** A lambda of a function: {@code x -> …} or {@code lambda x: …}. */
  private static boolean isLambda(Map<?, ?> node) {
    return "LAMBDA".equals(node.get("class"));
  }

  private void lambda(Map<?, ?> node) {
    Set<String> parameters = new HashSet<>();
    names(node.get("lhs"), parameters);
    lambdas.push(parameters);
    visit(node.get("expr"));
    lambdas.pop();
  }

  /** An arrow outside a function's arguments takes a part of a JSON value. */
  private void arrow(Map<?, ?> node) {
    visit(node.get("lhs"));
    visit(node.get("expr"));
  }

  private static void names(@Nullable Object tree, Set<String> names) {
    if (tree instanceof List<?> list) {
      list.forEach(element -> names(element, names));
    } else if (tree instanceof Map<?, ?> node) {
      if (node.get("column_names") instanceof List<?> found
          && found.getFirst() instanceof String s) {
        names.add(lower(s));
      }
      node.values().forEach(value -> names(value, names));
    }
  }

  private static long number(Map<?, ?> node, String key) {
    return node.get(key) instanceof Long value ? value : -1;
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  static QueryException refused(String sql, String reason) {
    return failure("Cannot use \"" + Expressions.shown(sql) + "\": " + reason);
  }

  static QueryException failure(String message) {
    return new QueryException(QueryException.Kind.PARSER, message);
  }
}
