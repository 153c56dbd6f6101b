package io.lastmile.plan;

import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.ResultColumn;
import io.lastmile.query.Session;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Binds the user's expressions to columns and finds their types, before anything runs. Used by one
 * thread.
 */
final class Checker {
  /** Values of any type, as text: of each type those that are some. */
  private static final List<List<String>> ROWS =
      List.of(
          List.of("0", "2000-01-01", "00:00:00", "[]"),
          List.of("1", "2001-02-03", "01:02:03", "[]"));

  /** The value that a message says cannot be converted. */
  private static final Pattern VALUE = Pattern.compile("'((?:[^'])+)'|\"([^\"]+)\"");

  private final Session session;
  private final String table;

  /** Selects what else the expressions see from a table with the columns of the source. */
  private final UnaryOperator<String> seen;

  private final BooleanSupplier complete;

  /**
   * A checker of expressions over one source.
   *
   * @param session of the planner
   * @param table something to select from with the columns of the source; it is not read
   */
  Checker(Session session, String table) {
    this(session, table, () -> false);
  }

  /**
   * A checker over a table that may lack columns of the source.
   *
   * @param complete gives it all of them, and says whether it lacked some
   */
  Checker(Session session, String table, BooleanSupplier complete) {
    this(session, table, UnaryOperator.identity(), complete);
  }

  private Checker(
      Session session, String table, UnaryOperator<String> seen, BooleanSupplier complete) {
    this.session = session;
    this.table = table;
    this.seen = seen;
    this.complete = complete;
  }

  /** A checker that knows one more column, such as an element of a list that is taken apart. */
  Checker seeing(String column, String sql) {
    return new Checker(
        session,
        table,
        from -> "(SELECT *, " + sql + " AS " + column + " FROM " + seen.apply(from) + ")",
        complete);
  }

  /** What an expression stands for in a scope. */
  Binding bind(String sql, Scope scope, String element) {
    Expressions.Expression expression = parsed(sql, element);
    Map<String, String> meanings = new LinkedHashMap<>();
    Set<String> sources = new LinkedHashSet<>();
    for (Expressions.ColumnUse use : expression.columns()) {
      Binding column = scope.named(use.name(), element);
      meanings.put(use.name(), column.sql());
      sources.addAll(column.sources());
    }
    String bound = expression.substitute(meanings);
    try {
      Binding binding = new Binding(bound, type(bound), null, sources);
      // What error() says is the user's, and said of the rows that it is meant for.
      QueryException failure =
          expression.functions().contains("error") ? null : failureOfConstants(binding);
      if (failure == null) {
        return binding;
      }
      throw failure;
    } catch (QueryException e) {
      throw LastmileException.user(
          element, "Invalid expression: " + sql + " (" + e.summary() + ")");
    }
  }

  /**
   * How an expression fails whatever the row, such as by a comparison with a constant that has no
   * value of the type; null: it does not. To the engine that is a failure of each row.
   */
  private @Nullable QueryException failureOfConstants(Binding binding) {
    QueryException first = failure(binding, ROWS.getFirst());
    if (first == null || !isOfConstants(first, binding.sql())) {
      return null;
    }
    QueryException second = failure(binding, ROWS.getLast());
    return second != null && second.summary().equals(first.summary()) ? first : null;
  }

  /** Whether it is types that do not fit, or a constant of the expression that has no value. */
  private static boolean isOfConstants(QueryException failure, String sql) {
    String summary = failure.summary();
    return summary.startsWith("Unimplemented type for cast")
        || (failure.kind() == QueryException.Kind.CONVERSION
            && VALUE
                .matcher(summary)
                .results()
                .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
                .anyMatch(value -> sql.contains(Expressions.literal(value))));
  }

  /** How an expression fails on a row of such values; null: it does not. */
  private @Nullable QueryException failure(Binding binding, List<String> values) {
    List<String> row = new ArrayList<>(List.of("NULL"));
    for (ResultColumn source : sources(binding)) {
      row.add(
          values.stream()
              .map(value ->
                  "TRY_CAST(" + Expressions.literal(value) + " AS " + source.type().sql() + ")")
              .collect(
                  Collectors.joining(
                      ", ", "COALESCE(", ") AS " + Expressions.quote(source.name()))));
    }
    try {
      session.execute(select(binding.sql(), "(SELECT " + String.join(", ", row) + ")"));
      return null;
    } catch (QueryException e) {
      return e;
    }
  }

  /** The columns of the source that an expression reads. */
  private List<ResultColumn> sources(Binding binding) {
    return binding.sources().isEmpty()
        ? List.of()
        : session.describe(
            binding.sources().stream()
                .map(Expressions::quote)
                .collect(Collectors.joining(", ", "SELECT ", " FROM " + table)));
  }

  private String select(String sql, String from) {
    return "SELECT (" + sql + ") AS value FROM " + seen.apply(from);
  }

  /** What a condition stands for in a scope. */
  Binding condition(String sql, Scope scope, String element) {
    Binding binding = bind(sql, scope, element);
    if (!binding.type().equals(new ColumnType.Scalar(ColumnType.Kind.BOOLEAN))) {
      throw LastmileException.user(
          element,
          "Invalid condition: "
              + sql
              + " is "
              + binding.type().sql()
              + " (must be BOOLEAN, such as a comparison)");
    }
    return binding;
  }

  private Expressions.Expression parsed(String sql, String element) {
    try {
      return Expressions.parse(session, sql);
    } catch (QueryException e) {
      throw LastmileException.user(element, e.summary());
    }
  }

  /** The type of SQL that is already bound to the source. */
  ColumnType type(String sql) {
    String select = select(sql, table);
    try {
      return session.describe(select).getFirst().type();
    } catch (QueryException e) {
      if (complete.getAsBoolean()) {
        return session.describe(select).getFirst().type();
      }
      throw e;
    }
  }
}
