package io.lastmile.launch.local;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.launch.RankListener;
import io.lastmile.launch.Ranks;
import io.lastmile.launch.RanksEnd;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The processes of the ranks, each watched by a thread of its own. */
final class LocalRanks implements Ranks {
  /** How long a rank has to end by itself once it was asked to. */
  static final Duration GRACE = Duration.ofSeconds(1);

  /** How long stalled ranks have to write their stacks. */
  private static final Duration LAST_WORDS = Duration.ofSeconds(2);

  /** Code of a rank whose script has ended by the signal that had it write its stacks. */
  private static final int ABORTED = 128 + Signals.SIGABRT;

  private final List<RankProcess> processes;
  private final RankListener listener;

  /** Each entry is written by the watcher of its rank before it counts {@link #alive} down. */
  private final AtomicIntegerArray exitCodes;

  /** Counted down by each watcher as its last act. */
  private final CountDownLatch alive;

  /** The ranks that failed, and how; set once, by the watcher of the first or by a stall. */
  private final AtomicReference<@Nullable Failed> failure = new AtomicReference<>();

  /** Set by whoever begins to end the ranks: a watcher or a caller. */
  private final AtomicBoolean ending = new AtomicBoolean();

  /** Waits for the stacks of stalled ranks and says where they are; guarded by this. */
  private @Nullable Thread asking;

  private record Failed(List<Integer> ranks, LastmileException failure) {}

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
        failed(List.of(process.rank()), ended(process, exitCode));
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

  private void failed(List<Integer> ranks, LastmileException why) {
    failure.set(new Failed(ranks, why));
    listener.failed(why);
  }

  private static LastmileException ended(RankProcess process, int exitCode) {
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
  public synchronized void stall(List<Integer> stalled, Duration timeout) {
    if (ending.compareAndSet(false, true)) {
      List<RankProcess> asked = stalled.stream().map(processes::get).toList();
      asked.forEach(process -> Signals.send(process.process(), Signals.SIGABRT));
      asking =
          Thread.ofPlatform()
              .daemon()
              .name("lastmile-stalled-ranks")
              .start(() -> {
                try {
                  failed(stalled, stalled(asked, timeout));
                } finally {
                  end();
                }
              });
    }
  }

  /** Waits for the stacks, and says where they are. */
  private static LastmileException stalled(List<RankProcess> processes, Duration timeout) {
    long deadline = System.nanoTime() + LAST_WORDS.toNanos();
    List<RankProcess> silent = new ArrayList<>();
    for (RankProcess process : processes) {
      if (!wrote(process.process(), deadline)) {
        silent.add(process);
      }
    }
    List<RankProcess> wrote = processes.stream().filter(p -> !silent.contains(p)).toList();
    boolean one = processes.size() == 1;
    String stacks =
        wrote.isEmpty()
            ? ""
            : "; %s stacks are in %s".formatted(one ? "its" : "their", logs(wrote));
    String none = silent.isEmpty() ? "" : "; rank %s gave no stacks".formatted(numbers(silent));
    return LastmileException.of(
        FailureKind.TRAINER,
        "%s %s made no step for %s s (train.stall_timeout)%s%s"
            .formatted(
                one ? "Rank" : "Ranks",
                numbers(processes) + (one ? " has" : " have"),
                BigDecimal.valueOf(timeout.toMillis(), 3).stripTrailingZeros().toPlainString(),
                stacks,
                none));
  }

  private static String logs(List<RankProcess> processes) {
    return processes.stream()
        .map(process -> process.log().path().toString())
        .collect(Collectors.joining(", "));
  }

  private static boolean wrote(Process process, long deadline) {
    try {
      return process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)
          && process.exitValue() == ABORTED;
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts the end of stalled ranks", e);
    }
  }

  private static String numbers(List<RankProcess> processes) {
    return processes.stream()
        .map(process -> String.valueOf(process.rank()))
        .collect(Collectors.joining(" and "));
  }

  @Override
  public RanksEnd await() throws InterruptedException {
    alive.await();
    Thread last;
    synchronized (this) {
      last = asking;
    }
    if (last != null) {
      last.join();
    }
    List<Integer> codes = processes.stream().map(p -> exitCodes.get(p.rank())).toList();
    Failed failed = failure.get();
    return failed == null
        ? new RanksEnd(codes, List.of(), null)
        : new RanksEnd(codes, failed.ranks(), failed.failure());
  }
}
