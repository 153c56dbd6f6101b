package io.lastmile.dataset;

import org.jspecify.annotations.Nullable;

/** The order of the rows. */
public sealed interface Shuffle {
  /** File order: by path and row group; one row group is one split. */
  record None() implements Shuffle {}

  /** File order. */
  static Shuffle none() {
    return new None();
  }

  /** The whole table is shuffled, n row groups at a time. */
  static RowGroups rowGroups(int count) {
    return new RowGroups(count, null);
  }

  /** Each partition is shuffled, 8 row groups at a time, and partitions stay in path order. */
  static RowGroups within(String partition) {
    return new RowGroups(RowGroups.DEFAULT_COUNT, partition);
  }

  /**
   * Row groups are permuted, each n consecutive ones form a split, and its rows are permuted.
   *
   * @param count n, &gt; 0
   * @param within a partition column (a folder name {@code dt=…}): partitions stay in path order
   *     and nothing is moved across them; null: the whole table
   */
  record RowGroups(int count, @Nullable String within) implements Shuffle {
    /** Row groups per split unless the dataset says otherwise. */
    public static final int DEFAULT_COUNT = 8;

    public RowGroups {
      Checks.positive("row_groups", count);
      if (within != null) {
        Checks.filled("within", within);
      }
    }

    /** The same shuffle, n row groups at a time. */
    public RowGroups rowGroups(int n) {
      return new RowGroups(n, within);
    }

    /** The same shuffle, inside each partition. */
    public RowGroups within(String partition) {
      return new RowGroups(count, partition);
    }
  }
}
