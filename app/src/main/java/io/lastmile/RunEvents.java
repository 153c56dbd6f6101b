package io.lastmile;

import io.lastmile.error.LastmileException;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.Feeder;
import io.lastmile.launch.RankListener;
import io.lastmile.run.RunRecord;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes what happens in a run to its record, and passes on what others have to hear of it. */
final class RunEvents implements RankListener {
  private static final double NANOS = 1e9;

  private final RunRecord record;
  private final RankOutput output;
  private final Feeder feeder;
  private final JobData data;
  private final LineageLog lineage;

  /** What the record has of the history of the feeds; guarded by this. */
  private Map<String, Object> kept = Map.of();

  /** Dataset and epoch of those that are written, guarded by this. */
  private final Set<String> epochs = new HashSet<>();

  /** Those that have a certificate, as they were when it was written; guarded by this. */
  private final Map<String, EpochProgress> certified = new HashMap<>();

  /** The attempt that goes on; written by whoever starts it, before its ranks tell anything. */
  private volatile int attempt = 1;

  /** When the ranks of this driver failed last, on the clock of the machine; 0: never. */
  private volatile long failedNanos;

  RunEvents(RunRecord record, RankOutput output, Feeder feeder, JobData data) {
    this.data = data;
    this.lineage = new LineageLog(record);
    this.record = record;
    this.output = output;
    this.feeder = feeder;
  }

  /** The ranks of an attempt are going to be started. */
  void begins(int number) {
    attempt = number;
    if (failedNanos != 0) {
      double seconds = (System.nanoTime() - failedNanos) / NANOS;
      record.event("restarted", Map.of("attempt", number, "seconds", seconds));
      record.log("attempt " + number + " begins");
    }
    observe(feeder.progress(), feeder.history());
  }

  @Override
  public void failed(LastmileException failure) {
    failedNanos = System.nanoTime();
    record.event("rank_failed", Map.of("attempt", attempt, "message", failure.text()));
    record.log("attempt " + attempt + " has failed: " + failure.text());
  }

  /** The feeds have ended, and the ranks are going to. */
  void feedsEnded(LastmileException failure) {
    record.log("the feeds ended: " + failure.text());
  }

  @Override
  public void started(int rank, long pid) {
    record.event("rank_started", Map.of("rank", rank, "pid", pid));
    record.log("rank " + rank + " runs as process " + pid);
  }

  @Override
  public void line(int rank, Channel channel, String line) {
    output.line(rank, channel, line);
  }

  @Override
  public void ended(int rank, int exitCode) {
    record.event("rank_ended", Map.of("rank", rank, "exit_code", exitCode));
    record.log("rank " + rank + " has ended with code " + exitCode);
    if (exitCode == 0) {
      feeder.ended(rank);
    }
  }

  /** Epochs that have ended, of which an earlier driver has told. */
  synchronized void know(FeedProgress progress) {
    progress
        .datasets()
        .forEach((name, dataset) ->
            dataset.epochs().stream()
                .filter(EpochProgress::ended)
                .forEach(epoch -> epochs.add(name + "-" + epoch.epoch())));
  }

  /**
   * Writes each epoch that has ended since the last call, and its certificate when the ranks have
   * taken all of it: anew when they took it once more; and where the rows went until now.
   *
   * @param history of the feeds, kept when it is another than at the last call
   */
  synchronized void observe(FeedProgress progress, Map<String, Object> history) {
    Map<String, Object> tree =
        Map.of("attempt", attempt, "fingerprints", data.fingerprints(), "history", history);
    if (!tree.equals(kept)) {
      kept = tree;
      record.history(tree);
    }
    feeder.lineages().forEach(lineage::write);
    for (Map.Entry<String, DatasetProgress> dataset : progress.datasets().entrySet()) {
      for (EpochProgress epoch : dataset.getValue().epochs()) {
        certify(dataset.getKey(), epoch, dataset.getValue().rowGroupsSkipped());
        if (epoch.ended() && epochs.add(dataset.getKey() + "-" + epoch.epoch())) {
          record.event(
              "epoch_ended",
              Map.of(
                  "dataset", dataset.getKey(),
                  "epoch", epoch.epoch(),
                  "rows_delivered", epoch.rowsDelivered()));
        }
      }
    }
  }

  private void certify(String dataset, EpochProgress epoch, List<String> skipped) {
    String name = dataset + "-" + epoch.epoch();
    if (epoch.whole() && !epoch.equals(certified.put(name, epoch))) {
      record.certificate(name, data.certificate(dataset, epoch, skipped));
    }
  }
}
