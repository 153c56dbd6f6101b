package io.lastmile.feed;

import io.lastmile.plan.CountedStep;
import io.lastmile.sequence.Positives;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How far one epoch of a feed is. At its end rows read + rows added = rows delivered + rows
 * dropped.
 *
 * @param epoch from 0
 * @param rowsRead rows of the source that were read
 * @param rowsAdded by each step that makes several rows of one, in their order
 * @param rowsDropped by each step that can drop rows, in their order
 * @param rowsDelivered rows given to the ranks, padding not counted
 * @param rowsPadded padding rows given to ranks
 * @param positives rows given to the ranks whose label is positive; null: not known
 * @param unknown values given to the ranks that their vocabulary does not have, by tensor
 * @param mixed what was taken of each dataset of a mix; else none
 * @param ended whether the last batch was sent
 * @param steps that were sent; null: an earlier run sent some of them
 * @param stepRows rows of a whole step, of all ranks together
 * @param history what this job knows of it
 */
public record EpochProgress(
    int epoch,
    long rowsRead,
    List<StepRows> rowsAdded,
    List<StepRows> rowsDropped,
    long rowsDelivered,
    long rowsPadded,
    @Nullable Positives positives,
    Map<String, Long> unknown,
    List<MixedRows> mixed,
    boolean ended,
    @Nullable Long steps,
    long stepRows,
    History history) {
  public EpochProgress {
    rowsAdded = List.copyOf(rowsAdded);
    rowsDropped = List.copyOf(rowsDropped);
    mixed = List.copyOf(mixed);
    unknown = Collections.unmodifiableMap(new LinkedHashMap<>(unknown));
  }

  /** Whether the ranks got all that the source and the steps have. */
  public boolean whole() {
    return ended && rowsRead + sum(rowsAdded) == rowsDelivered + sum(rowsDropped);
  }

  /** The same, as long as some of its ranks have not got as far. */
  public EpochProgress unfinished() {
    return new EpochProgress(
        epoch,
        rowsRead,
        rowsAdded,
        rowsDropped,
        rowsDelivered,
        rowsPadded,
        positives,
        unknown,
        mixed,
        false,
        steps,
        stepRows,
        history);
  }

  /** Rows that the steps left and nobody got, since they fill no whole step. */
  public long leftOut() {
    return sum(
        rowsDropped.stream().filter(step -> step.kind().equals(CountedStep.LAST_STEP)).toList());
  }

  private static long sum(List<StepRows> steps) {
    return steps.stream().mapToLong(StepRows::rows).sum();
  }

  /**
   * What one step added or dropped.
   *
   * @param dataset whose step it is, in a mix; null: the one that the feed is of
   * @param step its number among the steps of that dataset, from 0
   * @param kind its key, such as {@code filter}
   * @param rows added or dropped so far
   */
  public record StepRows(@Nullable String dataset, int step, String kind, long rows) {}

  /**
   * What a job knows of an epoch.
   *
   * @param from rows that an earlier job had delivered: this one only knows what it was told of
   *     them
   * @param begun row at which the ranks began the last time
   * @param digest of the row identities that were sent, by both
   * @param values digest of the values that were sent, by both; null: it is not known
   * @param replayed rows that ranks had taken when they asked for an earlier position, and got
   *     again
   */
  public record History(
      long from, long begun, long digest, @Nullable Long values, List<Replay> replayed) {
    public History {
      replayed = List.copyOf(replayed);
    }
  }

  /**
   * Rows that were trained on twice.
   *
   * @param from number of the first in the sequence
   * @param to number of the row behind the last
   */
  public record Replay(long from, long to) {}

  /**
   * What was taken of a dataset of a mix.
   *
   * @param dataset its name
   * @param passes over it that were begun
   * @param read rows of its source that were read
   * @param unread rows of its source that these passes have not read
   * @param delivered rows taken for batches that are ready or delivered
   */
  public record MixedRows(String dataset, long passes, long read, long unread, long delivered) {}
}
