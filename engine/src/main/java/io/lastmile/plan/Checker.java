package io.lastmile.plan;

import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Binds the user's expressions to columns and finds their types, before anything runs. Used by one
 * thread.
 */
final class Checker {
  private final Session session;
  private final String table;
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
    this.session = session;
    this.table = table;
    this.complete = complete;
  }

  /** A checker that knows one more column, such as an element of a list that is taken apart. */
  Checker seeing(String column, String sql) {
    return new Checker(
        session, "(SELECT *, " + sql + " AS " + column + " FROM " + table + ")", complete);
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
      return new Binding(bound, type(bound), null, sources);
    } catch (QueryException e) {
      throw LastmileException.user(
          element, "Invalid expression: " + sql + " (" + e.summary() + ")");
    }
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
    String select = "SELECT (" + sql + ") AS value FROM " + table;
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
