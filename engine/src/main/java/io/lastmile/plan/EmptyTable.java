package io.lastmile.plan;

import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.TableColumn;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A table without rows that has columns of a source, for the engine to check expressions against.
 * At first it has those that a text may name: to the engine, thousands of columns are more work
 * than all else. One thread.
 */
final class EmptyTable {
  private final Session session;
  private final String name;
  private final ParquetTable source;
  private boolean whole;

  /**
   * Makes the table.
   *
   * @param name of the table, quoted
   * @param text with the expressions
   */
  EmptyTable(Session session, String name, ParquetTable source, String text) {
    this.session = session;
    this.name = name;
    this.source = source;
    String folded = text.toLowerCase(Locale.ROOT);
    List<TableColumn> named =
        source.columns().stream()
            .filter(column -> folded.contains(column.name().toLowerCase(Locale.ROOT)))
            .toList();
    create(named.isEmpty() ? source.columns().subList(0, 1) : named);
  }

  /** Gives it all columns of the source; says whether it lacked some. */
  boolean complete() {
    boolean lacked = !whole;
    if (lacked) {
      create(source.columns());
    }
    return lacked;
  }

  private void create(List<TableColumn> columns) {
    whole = columns.size() == source.columns().size();
    String names =
        columns.stream()
            .map(column -> Expressions.quote(column.name()))
            .collect(Collectors.joining(", "));
    session.execute(
        "CREATE OR REPLACE TABLE %s AS SELECT %s FROM %s LIMIT 0"
            .formatted(name, whole ? "*" : names, SplitQuery.scan(source.files().subList(0, 1))));
  }
}
