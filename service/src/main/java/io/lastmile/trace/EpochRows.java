package io.lastmile.trace;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The rows of an epoch by their numbers, as the counts tell. */
sealed interface EpochRows permits TableRows, MixRows {
  /**
   * Where rows that were taken come from.
   *
   * @param start from which they were
   * @param first row of the epoch
   * @param count of them
   */
  List<SplitRun> runs(Start start, long first, long count) throws InterruptedException;

  /**
   * The numbers of rows in the epoch.
   *
   * @param rows of its splits
   */
  Numbers numbers(Collection<SplitRow> rows) throws InterruptedException;

  /**
   * Numbers of rows.
   *
   * @param byRow of those that have one: the counts before the others are not known, or the epoch
   *     ended before them
   * @param total rows of the epoch, with those of its last step; null: not known
   */
  record Numbers(Map<SplitRow, Long> byRow, @Nullable Long total) {
    public Numbers {
      byRow = Map.copyOf(byRow);
    }
  }
}
