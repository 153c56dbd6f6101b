package io.lastmile.feed;

import io.lastmile.plan.Pruned;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far the feed of a dataset is.
 *
 * @param firstBatchSeconds from the start of the driver to the first batch that was ready; null:
 *     none yet
 * @param rowsPerEpoch rows of the source, before any step
 * @param pruned what of the source is not read
 * @param epochs those begun, in order
 * @param ranks those that have opened the feed, by rank
 * @param rowGroupsSkipped row groups left out because they could not be read, each in words: file,
 *     number, why
 * @param waitingForRank the rank the others wait for; null: nobody waits
 */
public record DatasetProgress(
    @Nullable Double firstBatchSeconds,
    long rowsPerEpoch,
    Pruned pruned,
    List<EpochProgress> epochs,
    List<RankProgress> ranks,
    List<String> rowGroupsSkipped,
    @Nullable Integer waitingForRank) {
  public DatasetProgress {
    epochs = List.copyOf(epochs);
    ranks = List.copyOf(ranks);
    rowGroupsSkipped = List.copyOf(rowGroupsSkipped);
  }
}
