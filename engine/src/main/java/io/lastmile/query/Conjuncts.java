package io.lastmile.query;

import io.lastmile.dataset.Json;
import io.lastmile.query.Conjunct.Comparison;
import io.lastmile.query.Conjunct.Constant;
import io.lastmile.query.Conjunct.Operator;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Takes a condition apart: what is joined by AND, and which of it compares a column. One thread.
 */
public final class Conjuncts {
  private static final String BEFORE = "SELECT ";
  private static final String AFTER = " FROM t";

  private static final Map<String, Operator> COMPARISONS =
      Map.of(
          "COMPARE_EQUAL", Operator.EQUAL,
          "COMPARE_LESSTHAN", Operator.LESS,
          "COMPARE_LESSTHANOREQUALTO", Operator.LESS_OR_EQUAL,
          "COMPARE_GREATERTHAN", Operator.GREATER,
          "COMPARE_GREATERTHANOREQUALTO", Operator.GREATER_OR_EQUAL);

  /** Of an expression whose value depends on nothing, and whose order is that of its type. */
  private static final Set<String> CONSTANT =
      Set.of(
          "CONSTANT", "CAST", "FUNCTION", "OPERATOR", "TYPE", "CASE", "COMPARISON", "CONJUNCTION");

  private final Session session;
  private final Map<?, ?> statement;

  private Conjuncts(Session session, Map<?, ?> statement) {
    this.session = session;
    this.statement = statement;
  }

  /**
   * The conditions that must all be TRUE for a condition to be TRUE.
   *
   * @param sql of a condition that {@link Expressions#parse} accepts
   */
  public static List<Conjunct> of(Session session, String sql) {
    Map<?, ?> statement = Expressions.tree(session, "SELECT (" + sql + "\n) FROM t");
    Object root = Expressions.root(statement);
    List<Object> parts = new ArrayList<>();
    flatten(root, parts);
    Conjuncts all = new Conjuncts(session, statement);
    List<Conjunct> conjuncts = new ArrayList<>();
    for (Object part : parts) {
      String text = parts.size() == 1 ? sql : all.sql(part);
      List<String> columns =
          Expressions.parse(session, text).columns().stream()
              .map(Expressions.ColumnUse::name)
              .distinct()
              .toList();
      conjuncts.add(new Conjunct(text, columns, all.comparison(part)));
    }
    return conjuncts;
  }

  private static void flatten(@Nullable Object tree, List<Object> into) {
    if (tree instanceof Map<?, ?> node
        && "CONJUNCTION_AND".equals(node.get("type"))
        && node.get("children") instanceof List<?> children) {
      children.forEach(child -> flatten(child, into));
    } else if (tree != null) {
      into.add(tree);
    }
  }

  private @Nullable Comparison comparison(Object tree) {
    if (!(tree instanceof Map<?, ?> node)) {
      return null;
    }
    String type = String.valueOf(node.get("type"));
    Operator operator = COMPARISONS.get(type);
    if (operator != null) {
      Comparison direct = comparison(node.get("left"), operator, node.get("right"));
      return direct == null
          ? comparison(node.get("right"), operator.mirrored(), node.get("left"))
          : direct;
    }
    List<?> children = node.get("children") instanceof List<?> list ? list : List.of();
    return switch (type) {
      case "COMPARE_BETWEEN" ->
          comparison(node.get("input"), Operator.BETWEEN, node.get("lower"), node.get("upper"));
      case "COMPARE_IN" ->
          comparison(
              children.getFirst(), Operator.IN, children.subList(1, children.size()).toArray());
      case "OPERATOR_IS_NULL" -> comparison(children.getFirst(), Operator.IS_NULL);
      case "OPERATOR_IS_NOT_NULL" -> comparison(children.getFirst(), Operator.IS_NOT_NULL);
      default -> null;
    };
  }

  private @Nullable Comparison comparison(
      @Nullable Object column, Operator operator, @Nullable Object... constants) {
    if (!(column instanceof Map<?, ?> node)
        || !"COLUMN_REF".equals(node.get("class"))
        || !(node.get("column_names") instanceof List<?> names)
        || names.size() != 1) {
      return null;
    }
    List<Constant> values = new ArrayList<>();
    for (Object constant : constants) {
      if (constant == null || !isConstant(constant)) {
        return null;
      }
      values.add(new Constant(sql(constant), isText(constant)));
    }
    return new Comparison(String.valueOf(names.getFirst()), operator, values);
  }

  private static boolean isConstant(@Nullable Object tree) {
    return switch (tree) {
      case Map<?, ?> node ->
          (!(node.get("class") instanceof String kind) || CONSTANT.contains(kind))
              && node.values().stream().allMatch(Conjuncts::isConstant);
      case List<?> list -> list.stream().allMatch(Conjuncts::isConstant);
      case null, default -> true;
    };
  }

  private static boolean isText(Object tree) {
    return tree instanceof Map<?, ?> node
        && node.get("literal") instanceof Map<?, ?> literal
        && "STRING".equals(literal.get("kind"));
  }

  /** The engine's own text of a part of the condition. */
  private String sql(Object part) {
    Map<Object, Object> one = copy(((List<?>) value(statement, "statements")).getFirst());
    Map<Object, Object> node = copy(value(one, "node"));
    node.put("select_list", List.of(part));
    one.put("node", node);
    Map<Object, Object> whole = copy(statement);
    whole.put("statements", List.of(one));
    String json = Json.write(whole).replace("\":-1", "\":18446744073709551615");
    Object text =
        session
            .rows("SELECT json_deserialize_sql(CAST(" + Expressions.literal(json) + " AS JSON))")
            .getFirst()
            .getFirst();
    String select = String.valueOf(text);
    String expression = select.substring(BEFORE.length(), select.length() - AFTER.length());
    return enclosed(expression) ? expression.substring(1, expression.length() - 1) : expression;
  }

  private static Object value(Map<?, ?> node, String key) {
    return Objects.requireNonNull(node.get(key));
  }

  private static Map<Object, Object> copy(@Nullable Object node) {
    return new HashMap<>((Map<?, ?>) Objects.requireNonNull(node));
  }

  /** Whether the first parenthesis is closed by the last. */
  private static boolean enclosed(String sql) {
    int open = 0;
    char quote = 0;
    for (int at = 0; at < sql.length(); at++) {
      char c = sql.charAt(at);
      if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
      } else if (quote == c) {
        quote = 0;
      } else if (quote == 0) {
        open += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (open == 0 && at < sql.length() - 1) {
          return false;
        }
      }
    }
    return sql.startsWith("(") && open == 0;
  }
}
