package io.lastmile.cli;

import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.RankProgress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The line that says how far a run is. Immutable; rates are those of the last ten seconds.
 *
 * @param samples of those seconds, the oldest first
 * @param shown the dataset that the line is about; empty before the first
 */
record ProgressText(List<Sample> samples, String shown) {
  private static final long WINDOW_NANOS = 10_000_000_000L;
  private static final double NANOS = 1e9;

  ProgressText {
    samples = List.copyOf(samples);
  }

  /**
   * The feeds at a moment.
   *
   * @param nanos on a clock that only goes forward
   */
  record Sample(long nanos, FeedProgress progress) {}

  static ProgressText starting() {
    return new ProgressText(List.of(), "");
  }

  /** With one more sample. */
  ProgressText next(FeedProgress progress, long nanos) {
    List<Sample> kept = new ArrayList<>(samples);
    if (!kept.isEmpty() && wentBack(kept.getLast().progress(), progress)) {
      kept.clear();
    }
    kept.add(new Sample(nanos, progress));
    while (kept.size() > 2 && kept.get(1).nanos() <= nanos - WINDOW_NANOS) {
      kept.removeFirst();
    }
    return new ProgressText(kept, busiest(kept.getFirst().progress(), progress));
  }

  /** Whether ranks have gone back to an earlier row: there is no rate from before to after. */
  private static boolean wentBack(FeedProgress before, FeedProgress now) {
    return now.datasets().keySet().stream()
        .anyMatch(name -> delivered(now, name) < delivered(before, name));
  }

  /** The dataset of which most rows were delivered; that shown so far when none were. */
  private String busiest(FeedProgress before, FeedProgress now) {
    String busiest = shown;
    long most = 0;
    for (Map.Entry<String, DatasetProgress> dataset : now.datasets().entrySet()) {
      long rows = delivered(now, dataset.getKey()) - delivered(before, dataset.getKey());
      boolean first = busiest.isEmpty() && delivered(now, dataset.getKey()) > 0;
      if (rows > most || first) {
        most = rows;
        busiest = dataset.getKey();
      }
    }
    return busiest;
  }

  private static long delivered(FeedProgress progress, String name) {
    DatasetProgress dataset = progress.datasets().get(name);
    return dataset == null
        ? 0
        : dataset.epochs().stream().mapToLong(EpochProgress::rowsDelivered).sum();
  }

  private static long read(FeedProgress progress, String name) {
    DatasetProgress dataset = progress.datasets().get(name);
    return dataset == null ? 0 : dataset.epochs().stream().mapToLong(EpochProgress::rowsRead).sum();
  }

  /**
   * {@code train: epoch 0, step 120, 9,000 rows/s, 12 s left in the epoch, trainer waited 3.0 %,
   * waiting for rank 1}.
   */
  String line() {
    if (samples.isEmpty()) {
      return "starting";
    }
    FeedProgress now = samples.getLast().progress();
    DatasetProgress dataset = now.datasets().get(shown);
    if (dataset == null || dataset.epochs().isEmpty()) {
      return "waiting for the first batch";
    }
    EpochProgress epoch = current(dataset);
    StringBuilder line = new StringBuilder(shown + ": epoch " + epoch.epoch());
    long steps = dataset.ranks().stream().mapToLong(RankProgress::steps).max().orElse(0);
    line.append(", step ").append(Quantity.count(steps));
    appendRates(line, now, dataset.rowsPerEpoch() - epoch.rowsRead());
    appendWaiting(line, dataset);
    return line.toString();
  }

  /**
   * The last epoch of which rows were delivered: the next one may be read ahead. The first when the
   * ranks have gone back to its start.
   */
  private static EpochProgress current(DatasetProgress dataset) {
    List<EpochProgress> begun =
        dataset.epochs().stream().filter(epoch -> epoch.rowsDelivered() > 0).toList();
    return begun.isEmpty() ? dataset.epochs().getFirst() : begun.getLast();
  }

  private void appendRates(StringBuilder line, FeedProgress now, long rowsLeft) {
    Sample first = samples.getFirst();
    double seconds = (samples.getLast().nanos() - first.nanos()) / NANOS;
    if (seconds <= 0) {
      return;
    }
    double rate = (delivered(now, shown) - delivered(first.progress(), shown)) / seconds;
    double readRate = (read(now, shown) - read(first.progress(), shown)) / seconds;
    line.append(", ").append(Quantity.count(Math.round(rate))).append(" rows/s");
    if (readRate > 0 && rowsLeft > 0) {
      String left = Quantity.duration(Math.round(Math.ceil(rowsLeft / readRate)));
      line.append(", ").append(left).append(" left in the epoch");
    }
  }

  private static void appendWaiting(StringBuilder line, DatasetProgress dataset) {
    double waited = dataset.ranks().stream().mapToLong(RankProgress::waitNanos).sum();
    long elapsed = dataset.ranks().stream().mapToLong(RankProgress::elapsedNanos).sum();
    if (elapsed > 0) {
      line.append(", trainer waited ").append(Quantity.percent(waited / elapsed));
    }
    if (dataset.waitingForRank() != null) {
      line.append(", waiting for rank ").append(dataset.waitingForRank());
    }
  }
}
