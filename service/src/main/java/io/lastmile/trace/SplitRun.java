package io.lastmile.trace;

/**
 * Rows of a split that follow each other in the sequence.
 *
 * @param first of them
 * @param count of them, at least 1
 */
record SplitRun(SplitRow first, long count) {
  /** Whether a row is the next one of this run. */
  boolean goesOnWith(SplitRow row) {
    return row.equals(new SplitRow(first.table(), first.ordinal(), first.row() + count));
  }

  SplitRun longer() {
    return new SplitRun(first, count + 1);
  }
}
