package io.lastmile.worker;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.Failed;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.QueryException;
import java.io.IOException;
import java.util.concurrent.TimeoutException;

/**
 * What becomes of a run of a split that does not finish: it is run again, or ends the job. Any
 * thread.
 *
 * @param dispatcher of the splits
 * @param workers that run them
 */
record LeasedRuns(Dispatcher dispatcher, Workers workers) {
  /** A run of a split. */
  interface Attempt {
    void run() throws InterruptedException;
  }

  /**
   * Runs a split on the thread of a worker. Says whether its session may be used again.
   *
   * @throws LastmileException which ends the epoch
   */
  boolean run(Worker worker, Assignment split, String dataset, Attempt attempt) {
    worker.begin(split);
    try {
      if (!dispatcher.isNeeded(split)) {
        throw new InterruptedException();
      }
      workers.faults().before(split.split(), split.lease().run());
      attempt.run();
      worker.end();
      return true;
    } catch (Throwable e) {
      boolean broken = worker.isAppending();
      worker.end();
      settle(split, dataset, e, broken);
      worker.appended();
      return false;
    }
  }

  private void settle(Assignment split, String dataset, Throwable e, boolean broken) {
    if (isInterruption(e) || !dispatcher.isNeeded(split)) {
      dispatcher.returned(split);
    } else if (broken || isFinal(e)) {
      throw described(e);
    } else if (dispatcher.failed(split) == Failed.TOO_OFTEN) {
      throw tooOften(split, dataset, workers.mostFailures(), e);
    }
  }

  private static boolean isInterruption(Throwable e) {
    return e instanceof InterruptedException
        || (e instanceof QueryException query && query.kind() == QueryException.Kind.INTERRUPTED);
  }

  /** Whether the same would come of another run: it is the data's fault, or the user's. */
  private static boolean isFinal(Throwable e) {
    return e instanceof LastmileException known
        && known.kind() != FailureKind.RESOURCES
        && known.kind() != FailureKind.INTERNAL;
  }

  /** A failure as the user is told of it. */
  static LastmileException described(Throwable e) {
    return e instanceof LastmileException known
        ? known
        : LastmileException.of(FailureKind.INTERNAL, "A worker failed: " + e, e);
  }

  /** What the user is told when a split has failed too often. */
  static LastmileException tooOften(
      Assignment split, String dataset, int failures, Throwable last) {
    return LastmileException.of(
        kind(last),
        "Split %d of dataset \"%s\" failed %s (%s): %s"
            .formatted(
                split.split().ordinal(),
                dataset,
                failures == 1 ? "once" : failures + " times",
                Diagnosis.places(split.split()),
                why(last)),
        last);
  }

  private static FailureKind kind(Throwable e) {
    return switch (e) {
      case LastmileException known -> known.kind();
      case QueryException query ->
          switch (query.kind()) {
            case OUT_OF_MEMORY, IO -> FailureKind.RESOURCES;
            default -> FailureKind.INTERNAL;
          };
      case OutOfMemoryError _, IOException _, TimeoutException _ -> FailureKind.RESOURCES;
      default -> FailureKind.INTERNAL;
    };
  }

  private static String why(Throwable e) {
    return switch (e) {
      case LastmileException known -> known.text();
      case QueryException query when query.kind() == QueryException.Kind.OUT_OF_MEMORY ->
          "the engine's share of the budget is too small: %s (raise cluster.workers.memory)"
              .formatted(query.summary());
      case QueryException query -> query.summary();
      case TimeoutException late -> String.valueOf(late.getMessage());
      default -> String.valueOf(e);
    };
  }
}
