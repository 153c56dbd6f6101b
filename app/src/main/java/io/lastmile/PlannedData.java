package io.lastmile;

import io.lastmile.certify.Certificate;
import io.lastmile.dataset.Experiment;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedServer;
import io.lastmile.feed.Feeder;
import io.lastmile.feed.RuntimeFolder;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.worker.Workers;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The data of a job by its plan. */
record PlannedData(JobPlan plan) implements JobData {
  static JobData of(Experiment experiment) {
    return new PlannedData(JobPlan.of(experiment, new TemporaryFolder()));
  }

  @Override
  public Map<String, List<Map<String, Object>>> files() {
    Map<String, List<Map<String, Object>>> files = new LinkedHashMap<>();
    for (Map.Entry<String, FeedPlan> dataset : plan.feeds().entrySet()) {
      files.put(dataset.getKey(), dataset.getValue().files());
    }
    return files;
  }

  @Override
  public Map<String, @Nullable Object> certificate(
      String dataset, EpochProgress epoch, List<String> skipped) {
    return Certificate.of(
        Version.number(), plan.experiment().seed(), plan.feed(dataset), epoch, skipped);
  }

  @Override
  public Map<String, StoredEstimate> estimates(Consumer<String> log) {
    Map<String, StoredEstimate> estimates = new LinkedHashMap<>();
    for (FeedPlan feed : plan.feeds().values()) {
      try {
        StoredEstimate stored = StoredEstimate.of(feed);
        if (stored != null) {
          estimates.put(feed.name(), stored);
        }
      } catch (IOException e) {
        log.accept("no estimate of dataset " + feed.name() + ": " + e.getMessage());
      }
    }
    return estimates;
  }

  @Override
  public Map<String, String> fingerprints() {
    Map<String, String> fingerprints = new LinkedHashMap<>();
    plan.feeds().forEach((name, feed) -> fingerprints.put(name, feed.fingerprint()));
    return fingerprints;
  }

  @Override
  public Feeder open(RuntimeFolder folder, Map<?, ?> history) {
    Workers workers = InjectedFaults.workers(plan);
    return history.isEmpty()
        ? FeedServer.open(plan, workers, folder, folder.socket())
        : FeedServer.open(plan, workers, folder, folder.socket(), history);
  }

  @Override
  public void close() {
    plan.close();
  }
}
