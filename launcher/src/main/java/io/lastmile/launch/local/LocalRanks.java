package io.lastmile.launch.local;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.launch.RankListener;
import io.lastmile.launch.Ranks;
import io.lastmile.launch.RanksEnd;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The processes of the ranks, each watched by a thread of its own. */
final class LocalRanks implements Ranks {
  /** How long a rank has to end by itself once it was asked to. */
  static final Duration GRACE = Duration.ofSeconds(1);

  private final List<RankProcess> processes;
  private final RankListener listener;

  /** Each entry is written by the watcher of its rank before it counts {@link #alive} down. */
  private final AtomicIntegerArray exitCodes;

  /** Counted down by each watcher as its last act. */
  private final CountDownLatch alive;

  /** The first rank that ended badly; set by its watcher, once. */
  private final AtomicReference<@Nullable LastmileException> failure = new AtomicReference<>();

  /** Set by whoever begins to end the ranks: a watcher or a caller of {@link #cancel}. */
  private final AtomicBoolean ending = new AtomicBoolean();

  private LocalRanks(List<RankProcess> processes, RankListener listener) {
    this.processes = List.copyOf(processes);
    this.listener = listener;
    this.exitCodes = new AtomicIntegerArray(processes.size());
    this.alive = new CountDownLatch(processes.size());
  }

  static LocalRanks watch(List<RankProcess> processes, RankListener listener) {
    LocalRanks ranks = new LocalRanks(processes, listener);
    for (RankProcess process : ranks.processes) {
      Thread _ =
          Thread.ofPlatform()
              .daemon()
              .name("lastmile-rank-" + process.rank())
              .start(() -> ranks.watch(process));
    }
    return ranks;
  }

  private void watch(RankProcess process) {
    try {
      int exitCode = process.process().waitFor();
      exitCodes.set(process.rank(), exitCode);
      if (exitCode != 0 && ending.compareAndSet(false, true)) {
        failure.set(failed(process, exitCode));
        end();
      }
      process.finishLog();
      listener.ended(process.rank(), exitCode);
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts the watcher of a rank", e);
    } finally {
      alive.countDown();
    }
  }

  private static LastmileException failed(RankProcess process, int exitCode) {
    return LastmileException.of(
        FailureKind.TRAINER,
        "Rank %d %s (its output: %s)"
            .formatted(process.rank(), ExitCode.text(exitCode), process.log().path()));
  }

  @Override
  public void cancel() {
    if (ending.compareAndSet(false, true)) {
      end();
    }
  }

  private void end() {
    processes.forEach(RankProcess::terminate);
    Thread _ = Thread.ofPlatform().daemon().name("lastmile-end-ranks").start(this::killAfterGrace);
  }

  private void killAfterGrace() {
    try {
      boolean _ = alive.await(GRACE.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts the end of the ranks", e);
    }
    for (RankProcess process : processes) {
      if (process.process().isAlive()) {
        process.kill();
      }
    }
  }

  @Override
  public RanksEnd await() throws InterruptedException {
    alive.await();
    List<Integer> codes = processes.stream().map(p -> exitCodes.get(p.rank())).toList();
    return new RanksEnd(codes, failure.get());
  }
}
