package io.lastmile.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentDraft;
import io.lastmile.dataset.Mix;
import io.lastmile.dataset.Shuffle;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.StepSink;
import io.lastmile.source.Scratch;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Splits that are finished stay so when an epoch is stopped, and threads that hang stop nobody. */
class EpochRunTest {
  private static final int SPLITS = 6;

  @TempDir private Path folder = Path.of("");

  /** The splits that were begun, in any order. */
  private final Queue<Integer> begun = new ConcurrentLinkedQueue<>();

  @BeforeEach
  void write() {
    try (Engine engine = Engine.open(1L << 28);
        Session session = engine.connect()) {
      session.execute(
          "COPY (SELECT range AS x FROM range(%d)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
              .formatted(2048 * SPLITS, folder.resolve("a.parquet")));
    }
  }

  private JobPlan plan(DatasetDraft train) {
    ExperimentDraft experiment = Experiment.named("e").in(folder).workers(2);
    return plan(experiment.dataset("train", train));
  }

  private JobPlan mix() {
    DatasetDraft mixed = Dataset.parquet("a.parquet").shuffle(Shuffle.rowGroups(1));
    DatasetDraft mix =
        Dataset.mix(Mix.part("one", 0.5), Mix.part("other", 0.5)).tensor("x", "x").batch(64);
    ExperimentDraft experiment = Experiment.named("e").in(folder).workers(2);
    return plan(experiment.dataset("one", mixed).dataset("other", mixed).dataset("train", mix));
  }

  private JobPlan plan(ExperimentDraft experiment) {
    return JobPlan.of(experiment.build(), new NoScratch(folder));
  }

  private static DatasetDraft table(Shuffle shuffle) {
    return Dataset.parquet("a.parquet").shuffle(shuffle).tensor("x", "x").batch(64);
  }

  private record NoScratch(Path folder) implements Scratch {
    @Override
    public void close() {
      // Nothing is converted.
    }
  }

  /** Ranks that take so many batches, and then hold up the sequence. */
  private static final class Holding implements StepSink {
    private final Drain drain;
    private final CountDownLatch full = new CountDownLatch(1);
    private int left;

    Holding(Drain drain, int batches) {
      this.drain = drain;
      this.left = batches;
    }

    @Override
    public PackedRows slot(int rank) throws InterruptedException {
      if (left == 0) {
        full.countDown();
        new CountDownLatch(1).await();
      }
      left--;
      return drain.slot(rank);
    }

    @Override
    public PackedRows larger(int rank, PackedRows outgrown, Layout larger) {
      return drain.larger(rank, outgrown, larger);
    }

    @Override
    public void outgrown(int rank, PackedRows rows) {
      drain.outgrown(rank, rows);
    }

    @Override
    public void publish(List<PackedRows> ranks, Position after) {
      drain.publish(ranks, after);
    }
  }

  private EpochRun run(
      FeedPlan feed, Workers workers, StepSink sink, EpochEnd end, WarmSplits warm) {
    Position start = Position.startOf(0, feed);
    EpochRun run = new EpochRun(feed, workers, 1, start, sink, end, List.of(), warm);
    warm.close();
    run.start();
    return run;
  }

  private Workers counted(JobPlan job) {
    return Workers.of(job).faults((split, _) -> begun.add(split.ordinal()), 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "some", "mix"})
  void finishedSplitsAreNotRunAgain(String kind) throws Exception {
    int splits = kind.equals("mix") ? 2 * SPLITS : SPLITS;
    try (JobPlan job = job(kind);
        Drain drain = new Drain(job.feed("train").slotLayout(), _ -> {})) {
      FeedPlan feed = job.feed("train");
      Holding holding = new Holding(drain, 1);
      EpochRun first = run(feed, counted(job), holding, new EpochEnd(), WarmSplits.none());
      assertThat(holding.full.await(1, TimeUnit.MINUTES)).isTrue();
      awaitFinished(kind.equals("mix") ? splits : 4);
      WarmSplits warm = first.stopKeeping();
      int finished = warm.count();
      assertThat(finished).isBetween(1, splits);
      int before = begun.size();
      EpochEnd end = new EpochEnd();
      EpochRun second = run(feed, counted(job), drain, end, warm);
      end.await();
      second.stop();
      assertThat(begun).hasSize(before + splits - finished);
      assertThat(second.sequence().position()).isEqualTo(undisturbed(job));
    }
  }

  private JobPlan job(String kind) {
    return switch (kind) {
      case "none" -> plan(table(Shuffle.none()));
      case "some" -> plan(table(Shuffle.rowGroups(1)));
      default -> mix();
    };
  }

  /**
   * Waits until so many splits have been begun: then nothing more can be, and soon all are done.
   */
  private void awaitFinished(int splits) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    while (begun.size() < splits && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    Thread.sleep(200);
  }

  private static Position undisturbed(JobPlan job) throws InterruptedException {
    FeedPlan feed = job.feed("train");
    EpochEnd end = new EpochEnd();
    try (Drain drain = new Drain(feed.slotLayout(), _ -> {})) {
      EpochRun run =
          new EpochRun(
              feed,
              Workers.of(job).count(1),
              1,
              Position.startOf(0, feed),
              drain,
              end,
              List.of(),
              WarmSplits.none());
      run.start();
      end.await();
      run.stop();
      return run.sequence().position();
    }
  }

  @Test
  void aThreadThatNeverReturnsStopsNobody() throws Exception {
    CountDownLatch hangs = new CountDownLatch(1);
    CountDownLatch returns = new CountDownLatch(1);
    try (JobPlan job = plan(table(Shuffle.none()));
        Drain drain = new Drain(job.feed("train").slotLayout(), _ -> {})) {
      Workers hanging =
          Workers.of(job)
              .faults(
                  (split, _) -> {
                    if (split.ordinal() == 1) {
                      hangs.countDown();
                      awaitUninterrupted(returns);
                    }
                  },
                  3);
      EpochEnd end = new EpochEnd();
      EpochRun run = run(job.feed("train"), hanging, drain, end, WarmSplits.none());
      assertThat(hangs.await(1, TimeUnit.MINUTES)).isTrue();
      run.stop();
      assertThat(end.await(Duration.ZERO)).isFalse();
    }
    returns.countDown();
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException _) {
        // Deaf, as a thread is that a broken file system holds.
      }
    }
  }
}
