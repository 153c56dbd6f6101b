package io.lastmile.write;

import io.lastmile.plan.ColumnPlan;
import org.jspecify.annotations.Nullable;

/** The rows of a split in a table of the engine. Used by one thread at a time. */
final class SplitTable {
  private final String name;
  private final ColumnPlan columns;
  private final int @Nullable [] order;
  private final int rows;
  private int runs;
  private boolean released;

  /**
   * A table that no run needs.
   *
   * @param order row i of the split is row {@code order[i]} of the table; null: as they are
   * @param rows of the split
   */
  SplitTable(String name, ColumnPlan columns, int @Nullable [] order, int rows) {
    this.name = name;
    this.columns = columns;
    this.order = order;
    this.rows = rows;
  }

  String name() {
    return name;
  }

  ColumnPlan columns() {
    return columns;
  }

  int rows() {
    return rows;
  }

  /** Whether the rows of the split are in another order than those of the table. */
  boolean permuted() {
    return order != null;
  }

  /** The number in the table of a row of the split. */
  int number(int row) {
    return order == null ? row : order[row];
  }

  /** A run more needs it. */
  void begin() {
    runs++;
  }

  /** A run does not need it any more; says whether nobody ever will. */
  boolean end() {
    runs--;
    return released && runs == 0;
  }

  /** No run more will need it; says whether none does. */
  boolean release() {
    released = true;
    return runs == 0;
  }
}
