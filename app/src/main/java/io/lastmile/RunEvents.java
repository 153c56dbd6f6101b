package io.lastmile;

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
  private final RunRecord record;
  private final RankOutput output;
  private final Feeder feeder;
  private final JobData data;

  /** Dataset and epoch of those that are written, guarded by this. */
  private final Set<String> epochs = new HashSet<>();

  /** Those that have a certificate, as they were when it was written; guarded by this. */
  private final Map<String, EpochProgress> certified = new HashMap<>();

  RunEvents(RunRecord record, RankOutput output, Feeder feeder, JobData data) {
    this.data = data;
    this.record = record;
    this.output = output;
    this.feeder = feeder;
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

  /**
   * Writes each epoch that has ended since the last call, and its certificate when the ranks have
   * taken all of it: anew when they took it once more.
   */
  synchronized void observe(FeedProgress progress) {
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
