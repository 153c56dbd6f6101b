package io.lastmile.run;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended: the content of {@code summary.json}. What is not known is null.
 *
 * @param name of the experiment
 * @param started when
 * @param seconds from the start to the end
 * @param exit how it ended
 * @param restarts how often the ranks were started again
 * @param memoryPeakBytes most memory the driver and everything below it held, as PSS sampled each
 *     second
 * @param ranks by rank, as they were in the last attempt
 * @param datasets by name, in the order of the experiment
 */
public record Summary(
    String name,
    Instant started,
    double seconds,
    Exit exit,
    int restarts,
    @Nullable Long memoryPeakBytes,
    List<Rank> ranks,
    Map<String, Dataset> datasets) {
  /** The version of {@code summary.json}. */
  public static final int VERSION = 1;

  public Summary {
    ranks = List.copyOf(ranks);
    datasets = Collections.unmodifiableMap(new LinkedHashMap<>(datasets));
  }

  /**
   * How a run ended.
   *
   * @param code exit code of the job
   * @param kind {@code ok}, or the word of a failure kind
   * @param message for the user; null when it ended well
   */
  public record Exit(int code, String kind, @Nullable String message) {
    /** It ended well. */
    public static final Exit OK = new Exit(0, "ok", null);
  }

  /**
   * One rank.
   *
   * @param rank from 0
   * @param steps batches it got from all feeds
   * @param waitShare time in {@code next()} / time from the first {@code next()} to the end
   * @param exitCode of its process, 128 + n when signal n ended it
   */
  public record Rank(
      int rank, @Nullable Long steps, @Nullable Double waitShare, @Nullable Integer exitCode) {}

  /**
   * One dataset.
   *
   * @param firstBatchSeconds from the start of the run to the first batch
   * @param rowGroupsSkipped row groups left out because they could not be read
   * @param pruned what of the source was not read
   * @param epochs those begun, in order
   */
  public record Dataset(
      @Nullable Double firstBatchSeconds,
      @Nullable Integer rowGroupsSkipped,
      @Nullable Pruned pruned,
      List<Epoch> epochs) {
    public Dataset {
      epochs = List.copyOf(epochs);
    }
  }

  /**
   * What of a source was not read, because its leading filters would keep none of its rows.
   *
   * @param files not read
   * @param rowGroups not read, of the files that were opened
   * @param rows of those row groups
   */
  public record Pruned(int files, long rowGroups, long rows) {}

  /**
   * One epoch of a dataset.
   *
   * @param epoch from 0
   * @param read rows of the source
   * @param added by each step that makes several rows of one
   * @param dropped by each step that can drop rows
   * @param delivered rows the ranks got, padding not counted
   * @param padded padding rows
   * @param positives rows the ranks got whose label is positive; null: not known
   * @param unknown values the ranks got that their vocabulary does not have, by tensor
   * @param mixed what was taken of each dataset of a mix; else none
   * @param estimated what an estimate had said of it; null: there was none, or it was not run as a
   *     whole
   */
  public record Epoch(
      int epoch,
      long read,
      List<StepRows> added,
      List<StepRows> dropped,
      long delivered,
      long padded,
      @Nullable Positives positives,
      Map<String, Long> unknown,
      List<MixedRows> mixed,
      @Nullable Estimated estimated) {
    public Epoch {
      added = List.copyOf(added);
      dropped = List.copyOf(dropped);
      mixed = List.copyOf(mixed);
      unknown = Collections.unmodifiableMap(new LinkedHashMap<>(unknown));
    }
  }

  /**
   * Rows whose label is TRUE or above 0.
   *
   * @param label its column
   * @param rows that the ranks got
   */
  public record Positives(String label, long rows) {}

  /**
   * What an estimate had said of an epoch, beside what came.
   *
   * @param rows delivered
   * @param positives among them; null: they were not counted, or not estimated of the same label
   * @param steps of each rank; null: an earlier run made some of them
   */
  public record Estimated(Compared rows, @Nullable Compared positives, @Nullable Compared steps) {}

  /**
   * A number that was estimated.
   *
   * @param estimate most likely value
   * @param low bound of its interval; null: there is none
   * @param high bound of its interval; null: there is none
   * @param actual what came
   * @param inside whether that is within the bounds; null: there are none
   */
  public record Compared(
      long estimate,
      @Nullable Long low,
      @Nullable Long high,
      long actual,
      @Nullable Boolean inside) {}

  /**
   * What one step dropped.
   *
   * @param dataset whose step it is, in a mix; null: the one that the feed is of
   * @param step its number among the steps of that dataset, from 0
   * @param kind its key, such as {@code filter}
   * @param rows dropped
   */
  public record StepRows(@Nullable String dataset, int step, String kind, long rows) {}

  /**
   * What was taken of a dataset of a mix.
   *
   * @param dataset its name
   * @param passes over it that were begun
   * @param read rows of its source that were read
   * @param unread rows of its source that these passes have not read
   * @param delivered rows taken for batches that were ready or delivered
   */
  public record MixedRows(String dataset, long passes, long read, long unread, long delivered) {}
}
