package io.lastmile.worker;

import io.lastmile.dispatch.Rules;
import io.lastmile.plan.JobPlan;
import io.lastmile.query.Engine;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.concurrent.TimeoutException;

/**
 * The workers of a job.
 *
 * @param engine that runs their queries
 * @param count of threads
 * @param splitTimeout after which a run of a split is given up
 * @param mostFailures of a split, with the last of which the job ends
 * @param faults that befall them
 */
public record Workers(
    Engine engine, int count, Duration splitTimeout, int mostFailures, SplitFaults faults) {
  private static final int MOST_FAILURES = 3;

  /** Those that an experiment says, which nothing befalls. */
  public static Workers of(JobPlan job) {
    return new Workers(
        job.engine(),
        job.experiment().cluster().workers(),
        job.experiment().cluster().splitTimeout(),
        MOST_FAILURES,
        SplitFaults.NONE);
  }

  /** These, which faults befall. */
  public Workers faults(SplitFaults befalling, int most) {
    return new Workers(engine, count, splitTimeout, most, befalling);
  }

  /** So many of them. */
  public Workers count(int threads) {
    return new Workers(engine, threads, splitTimeout, mostFailures, faults);
  }

  /** The rules of their runs. */
  Rules rules(boolean repeats) {
    return new Rules(splitTimeout, mostFailures, repeats);
  }

  /** Why a run is given up. */
  TimeoutException timeout() {
    return new TimeoutException(
        "it took longer than cluster.workers.split_timeout: %s s"
            .formatted(
                BigDecimal.valueOf(splitTimeout.toMillis(), 3)
                    .stripTrailingZeros()
                    .toPlainString()));
  }
}
