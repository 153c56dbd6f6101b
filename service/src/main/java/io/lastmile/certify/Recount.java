package io.lastmile.certify;

import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.sequence.Position;
import io.lastmile.worker.Drain;
import io.lastmile.worker.EpochEnd;
import io.lastmile.worker.EpochRun;
import io.lastmile.worker.WarmSplits;
import io.lastmile.worker.Workers;
import java.util.List;

/** Runs an epoch once more, for ranks that take every row and do nothing with it. */
final class Recount {
  private Recount() {}

  /**
   * Runs it, and gives the position behind its last row.
   *
   * @param epoch from 0
   * @param ranks that share each step
   * @param begun row at which they began
   * @throws LastmileException as a run would fail
   */
  static Position of(JobPlan job, FeedPlan plan, int epoch, int ranks, long begun)
      throws InterruptedException {
    EpochEnd end = new EpochEnd();
    try (Drain drain = new Drain(plan.slotLayout(), batch -> {})) {
      EpochRun run =
          new EpochRun(
              plan,
              Workers.of(job),
              ranks,
              Position.startOf(epoch, plan),
              drain,
              end,
              List.of(),
              WarmSplits.none());
      run.sequence().cutAt(begun);
      run.start();
      try {
        end.await();
        return run.sequence().position();
      } finally {
        run.stop();
      }
    }
  }
}
