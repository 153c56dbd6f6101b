package io.lastmile.certify;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.sequence.Position;
import io.lastmile.worker.Drain;
import io.lastmile.worker.EpochRun;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;

/** Runs an epoch once more, for ranks that take every row and do nothing with it. */
public final class Recount {
  private Recount() {}

  /**
   * Runs it.
   *
   * @param name of the dataset
   * @param epoch from 0
   * @param ranks that share each step
   * @param begun row at which they began
   * @throws LastmileException as a run would fail
   */
  public static Accounts of(JobPlan job, String name, int epoch, int ranks, long begun)
      throws InterruptedException {
    FeedPlan plan = job.feed(name);
    Queue<String> skipped = new ConcurrentLinkedQueue<>();
    CompletableFuture<Position> end = new CompletableFuture<>();
    try (Drain drain = new Drain(plan.slotLayout(), batch -> {})) {
      EpochRun run =
          new EpochRun(
              plan,
              job.engine(),
              job.experiment().cluster().workers(),
              ranks,
              Position.startOf(epoch, plan),
              drain,
              new Listener(end, skipped),
              List.of());
      run.sequence().cutAt(begun);
      run.start();
      try {
        Position _ = await(end);
        return Accounts.of(plan, run.sequence().position(), List.copyOf(skipped));
      } finally {
        run.stop();
      }
    }
  }

  private static Position await(CompletableFuture<Position> end) throws InterruptedException {
    try {
      return end.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof LastmileException known
          ? known
          : LastmileException.of(FailureKind.INTERNAL, String.valueOf(e.getCause()), e);
    }
  }

  private record Listener(CompletableFuture<Position> end, Queue<String> skips)
      implements EpochRun.Listener {
    @Override
    public void ended(Position next) {
      boolean _ = end.complete(next);
    }

    @Override
    public void failed(LastmileException failure) {
      boolean _ = end.completeExceptionally(failure);
    }

    @Override
    public void skipped(String file, int rowGroup, String why) {
      skips.add("%s, row group %d: %s".formatted(file, rowGroup, why));
    }
  }
}
