package io.lastmile.estimate;

import io.lastmile.batch.PackedRows;
import io.lastmile.dataset.Shuffle;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.sequence.Position;
import io.lastmile.split.Split;
import io.lastmile.worker.Drain;
import io.lastmile.worker.EpochEnd;
import io.lastmile.worker.EpochRun;
import io.lastmile.worker.WarmSplits;
import io.lastmile.worker.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * An epoch of only some row groups, by the workers, staging and sequence of a run, into slots that
 * nobody reads.
 */
final class Trial {
  /** Splits that each worker should have, so that none waits long for another's last one. */
  private static final int SPLITS_PER_WORKER = 4;

  private static final long ENOUGH_NANOS = 500_000_000;
  private static final int MOST_TIMES = 9;

  private final JobPlan job;
  private final DatasetPlan plan;
  private final List<Split.Part> parts;
  private final int workers;

  /**
   * A trial that has not begun.
   *
   * @param plan of a dataset of the job
   * @param parts row groups of it, at least one
   */
  Trial(JobPlan job, DatasetPlan plan, List<Split.Part> parts) {
    this.job = job;
    this.parts = parts;
    this.workers = job.experiment().cluster().workers();
    this.plan = smallSplits(plan);
  }

  /**
   * What it has told.
   *
   * @param yields of each row group, by the row identity of its first row
   * @param skipped row groups that could not be read, in words
   * @param nanos it took
   */
  record Outcome(Map<Long, Yield> yields, List<String> skipped, long nanos) {}

  /** As many row groups to a split as the plan says, or fewer: all workers are to be busy. */
  private DatasetPlan smallSplits(DatasetPlan whole) {
    long seed = job.experiment().seed();
    if (!(whole.dataset().shuffle() instanceof Shuffle.RowGroups said)) {
      return whole.over(parts, Shuffle.none(), seed);
    }
    int count = Math.clamp(parts.size() / ((long) workers * SPLITS_PER_WORKER), 1, said.count());
    DatasetPlan some = over(whole, count, said, seed);
    // Others than the epoch's own splits may be larger than any of those.
    while (count > 1 && largest(some) > whole.budget().staging() / workers) {
      count /= 2;
      some = over(whole, count, said, seed);
    }
    return some;
  }

  private DatasetPlan over(DatasetPlan whole, int count, Shuffle.RowGroups said, long seed) {
    return whole.over(parts, new Shuffle.RowGroups(count, said.within()), seed);
  }

  private static long largest(DatasetPlan some) {
    return some.splits().of(0).stream().mapToLong(some::stagingBytes).max().orElse(0);
  }

  /** How many workers have something to do. */
  int workers() {
    return Math.min(workers, plan.splits().count());
  }

  /** Rows that it reads. */
  long rows() {
    return plan.table().rows();
  }

  /**
   * Runs, and counts what each row group gives.
   *
   * @throws LastmileException as a run would fail
   */
  Outcome count() throws InterruptedException {
    Yields yields = new Yields(parts);
    EpochEnd end = new EpochEnd();
    long nanos = run(yields::add, end);
    return new Outcome(yields.byIdentity(), end.skipped(), nanos);
  }

  /** Runs for its time alone, in nanoseconds: a short one several times, for the median. */
  long time() throws InterruptedException {
    List<Long> times = new ArrayList<>();
    long all = 0;
    while (times.isEmpty() || (all < ENOUGH_NANOS && times.size() < MOST_TIMES)) {
      times.add(run(batch -> {}, new EpochEnd()));
      all += times.getLast();
    }
    times.sort(null);
    return times.get(times.size() / 2);
  }

  private long run(Consumer<PackedRows> batches, EpochEnd end) throws InterruptedException {
    try (Drain drain = new Drain(plan.slotLayout(), batches)) {
      long started = System.nanoTime();
      EpochRun run =
          new EpochRun(
              plan,
              Workers.of(job).count(workers()),
              1,
              Position.startOf(0, plan),
              drain,
              end,
              List.of(),
              WarmSplits.none());
      run.start();
      try {
        end.await();
        return System.nanoTime() - started;
      } finally {
        run.stop();
      }
    }
  }
}
