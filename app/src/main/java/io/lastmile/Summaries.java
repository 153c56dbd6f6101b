package io.lastmile;

import io.lastmile.estimate.Interval;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.RankProgress;
import io.lastmile.plan.Pruned;
import io.lastmile.run.Summary;
import io.lastmile.sequence.Positives;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns what the feeds and the ranks tell into the parts of a summary. */
final class Summaries {
  private Summaries() {}

  static Map<String, Summary.Dataset> datasets(
      Iterable<String> names, FeedProgress progress, Map<String, StoredEstimate> estimates) {
    Map<String, Summary.Dataset> datasets = new LinkedHashMap<>();
    for (String name : names) {
      DatasetProgress dataset = progress.datasets().get(name);
      datasets.put(
          name,
          dataset == null
              ? new Summary.Dataset(null, null, null, List.of())
              : dataset(dataset, estimates.get(name)));
    }
    return datasets;
  }

  private static Summary.Dataset dataset(
      DatasetProgress progress, @Nullable StoredEstimate estimate) {
    return new Summary.Dataset(
        progress.firstBatchSeconds(),
        progress.rowGroupsSkipped().size(),
        pruned(progress.pruned()),
        progress.epochs().stream().map(epoch -> epoch(epoch, estimate)).toList());
  }

  private static Summary.Pruned pruned(Pruned pruned) {
    return new Summary.Pruned(pruned.files(), pruned.rowGroups(), pruned.rows());
  }

  private static Summary.Epoch epoch(EpochProgress epoch, @Nullable StoredEstimate estimate) {
    return new Summary.Epoch(
        epoch.epoch(),
        epoch.rowsRead(),
        stepRows(epoch.rowsAdded()),
        stepRows(epoch.rowsDropped()),
        epoch.rowsDelivered(),
        epoch.rowsPadded(),
        positives(epoch.positives()),
        epoch.unknown(),
        epoch.mixed().stream().map(Summaries::mixed).toList(),
        estimate == null ? null : estimated(epoch, estimate));
  }

  private static Summary.@Nullable Positives positives(@Nullable Positives positives) {
    return positives == null ? null : new Summary.Positives(positives.label(), positives.rows());
  }

  private static Summary.MixedRows mixed(EpochProgress.MixedRows rows) {
    return new Summary.MixedRows(
        rows.dataset(), rows.passes(), rows.read(), rows.unread(), rows.delivered());
  }

  /**
   * Only a whole epoch is what was estimated, and only the first where others draw other rows. Rows
   * of a last step that is dropped are among them.
   */
  private static Summary.@Nullable Estimated estimated(
      EpochProgress epoch, StoredEstimate estimate) {
    if (!epoch.whole() || (epoch.epoch() > 0 && !estimate.everyEpoch())) {
      return null;
    }
    Long steps = epoch.steps();
    return new Summary.Estimated(
        compared(estimate.rows(), epoch.rowsDelivered() + epoch.leftOut()),
        comparedPositives(epoch, estimate),
        steps == null ? null : compared(estimate.steps(epoch.stepRows()), steps));
  }

  private static Summary.@Nullable Compared comparedPositives(
      EpochProgress epoch, StoredEstimate estimate) {
    Positives counted = epoch.positives();
    Interval positives = estimate.positives();
    return counted == null
            || positives == null
            || !counted.label().equals(estimate.label())
            || epoch.leftOut() > 0
            || (epoch.epoch() > 0 && !estimate.positivesEveryEpoch())
        ? null
        : compared(positives, counted.rows());
  }

  private static Summary.Compared compared(Interval interval, long actual) {
    return new Summary.Compared(
        interval.estimate(), interval.low(), interval.high(), actual, interval.holds(actual));
  }

  private static List<Summary.StepRows> stepRows(List<EpochProgress.StepRows> steps) {
    return steps.stream()
        .map(step -> new Summary.StepRows(step.dataset(), step.step(), step.kind(), step.rows()))
        .toList();
  }

  /**
   * The ranks of a job. A rank's wait share is its waiting in all feeds over the time since its
   * first {@code next()} in any.
   *
   * @param exitCodes by rank; empty when none was started
   */
  static List<Summary.Rank> ranks(int worldSize, List<Integer> exitCodes, FeedProgress progress) {
    List<Summary.Rank> ranks = new ArrayList<>();
    for (int rank = 0; rank < worldSize; rank++) {
      ranks.add(rank(rank, rank < exitCodes.size() ? exitCodes.get(rank) : null, progress));
    }
    return ranks;
  }

  private static Summary.Rank rank(int rank, @Nullable Integer exitCode, FeedProgress progress) {
    List<RankProgress> feeds =
        progress.datasets().values().stream()
            .flatMap(dataset -> dataset.ranks().stream())
            .filter(told -> told.rank() == rank)
            .toList();
    if (feeds.isEmpty()) {
      return new Summary.Rank(rank, null, null, exitCode);
    }
    long steps = feeds.stream().mapToLong(RankProgress::steps).sum();
    double wait = feeds.stream().mapToLong(RankProgress::waitNanos).sum();
    long elapsed = feeds.stream().mapToLong(RankProgress::elapsedNanos).max().orElse(0);
    return new Summary.Rank(rank, steps, elapsed == 0 ? null : wait / elapsed, exitCode);
  }
}
