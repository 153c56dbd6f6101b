package io.lastmile.sequence;

import java.util.Arrays;

/**
 * How many rows each split of a table gives: with them every row of an epoch is found again. They
 * depend on nothing but the plan and what of the source can be read. One thread at a time adds; any
 * thread may ask.
 */
public final class SplitCounts {
  /** The count of a split that was not run. */
  public static final long UNKNOWN = -1;

  private static final int FIRST_CAPACITY = 64;

  private final int first;

  /** Of the splits from the first on; guarded by this, like the next. */
  private long[] rows = new long[FIRST_CAPACITY];

  private int count;

  /**
   * No counts yet.
   *
   * @param first ordinal of a split that they begin with
   */
  public SplitCounts(int first) {
    this.first = first;
  }

  /** The ordinal that they begin with; in a mix split s of pass p has p · splits of a pass + s. */
  public int first() {
    return first;
  }

  /**
   * A split is complete.
   *
   * @param ordinal behind those that were complete before
   * @param kept its rows, before any limit
   */
  public synchronized void add(int ordinal, long kept) {
    int at = ordinal - first;
    if (at >= rows.length) {
      rows = Arrays.copyOf(rows, Math.max(2 * rows.length, at + 1));
    }
    Arrays.fill(rows, count, at, UNKNOWN);
    rows[at] = kept;
    count = at + 1;
  }

  /** The counts of the splits from an ordinal on, which is not before the first. */
  public synchronized long[] since(int ordinal) {
    return Arrays.copyOfRange(rows, Math.min(ordinal - first, count), count);
  }
}
