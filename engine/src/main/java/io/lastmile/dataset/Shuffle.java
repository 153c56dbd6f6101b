package io.lastmile.dataset;

import org.jspecify.annotations.Nullable;

/** The order of the rows. */
public sealed interface Shuffle {
  /** File order: by path and row group; one row group is one split. */
  record None() implements Shuffle {}

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
  }
}
