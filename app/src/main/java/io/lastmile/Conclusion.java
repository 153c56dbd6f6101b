package io.lastmile;

import io.lastmile.dataset.Experiment;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.FeedProgress;
import io.lastmile.run.MemoryPeak;
import io.lastmile.run.RunRecord;
import io.lastmile.run.Summary;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;

/**
 * Writes the end of a run into its record.
 *
 * @param experiment that ran
 * @param worldSize its ranks
 * @param record of the run
 * @param estimates that were made of its data, by dataset
 * @param memory watched since the start
 * @param started when
 */
record Conclusion(
    Experiment experiment,
    int worldSize,
    RunRecord record,
    Map<String, StoredEstimate> estimates,
    MemoryPeak memory,
    Instant started) {
  /** Writes the last events and the summary, and returns it. */
  Summary write(Summary.Exit exit, int restarts, List<Integer> exitCodes, FeedProgress progress) {
    String message = exit.message();
    if (message != null) {
      record.event("failure", Map.of("kind", exit.kind(), "message", message));
    }
    record.event("ended", Map.of("code", exit.code(), "kind", exit.kind()));
    record.log("ended: " + exit.kind() + (message == null ? "" : ": " + message));
    Summary summary =
        new Summary(
            experiment.name(),
            started.truncatedTo(ChronoUnit.MILLIS),
            Duration.between(started, Instant.now()).toMillis() / 1e3,
            exit,
            restarts,
            memory.bytes(),
            Summaries.ranks(worldSize, exitCodes, progress),
            Summaries.datasets(experiment.datasets().keySet(), progress, estimates));
    record.summary(summary);
    return summary;
  }

  /** How a run that failed with this exits; what nobody expected goes to the log whole. */
  Summary.Exit exit(Throwable failure) {
    if (failure instanceof LastmileException e) {
      String line = e.line(experiment.origin()::place).substring("error: ".length());
      return new Summary.Exit(e.kind().exitCode(), e.kind().word(), line);
    }
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    record.log(trace.toString().stripTrailing());
    FailureKind kind = FailureKind.INTERNAL;
    return new Summary.Exit(kind.exitCode(), kind.word(), String.valueOf(failure));
  }

  /** How a run that was cancelled exits. */
  static Summary.Exit exit(Cancellation cancellation) {
    return new Summary.Exit(
        cancellation.exitCode(), FailureKind.CANCELLED.word(), cancellation.message());
  }
}
