package io.lastmile.worker;

import io.lastmile.dataset.Dataset;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.Failed;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.CountedStep;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.Pruned;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.Sequence;
import io.lastmile.sequence.StepSink;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One epoch of one feed while it runs: the workers and what they share. Started once, stopped from
 * any thread.
 */
public final class EpochRun {
  /**
   * What becomes of an epoch. Called once, by a worker's thread; not after {@link EpochRun#stop}.
   */
  public interface Listener {
    /** All steps have been published. */
    void ended(Position next);

    /** It cannot go on. */
    void failed(LastmileException failure);

    /** A row group was left out, because it cannot be read. */
    void skipped(String file, int rowGroup, String why);
  }

  /** A worker that was asked to come back has that long, until it is given up. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  /** How often a timeout is looked after while it runs. */
  private static final int WATCHES = 8;

  private static final Duration LONGEST_WATCH = Duration.ofSeconds(1);
  private static final Duration SHORTEST_WATCH = Duration.ofMillis(10);

  private final FeedPlan plan;
  private final Workers workers;
  private final Epoch epoch;
  private final Listener listener;
  private final Thread watch;

  /** By number; changed under the lock of this, read by any. */
  private final Map<Integer, Worker> living = new ConcurrentHashMap<>();

  /** Guarded by this, like all below. */
  private int numbers;

  private @Nullable LastmileException failure;
  private boolean stopped;

  /** Whether all workers have come to their end, or were given up. */
  private boolean over;

  /**
   * An epoch that goes on from a position.
   *
   * @param plan of the dataset
   * @param workers that run its splits
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of the steps
   * @param listener told of the end
   * @param keepers of more than the sequence takes, one for each table of the plan; none: nothing
   *     more is kept
   * @param warm splits that another run of the same epoch has finished; the caller closes them
   */
  public EpochRun(
      FeedPlan plan,
      Workers workers,
      int worldSize,
      Position start,
      StepSink sink,
      Listener listener,
      List<RowKeeper> keepers,
      WarmSplits warm) {
    this.plan = plan;
    this.workers = workers;
    this.listener = listener;
    this.epoch =
        switch (plan) {
          case DatasetPlan table ->
              new TableEpoch(
                  table,
                  workers,
                  worldSize,
                  start,
                  sink,
                  listener,
                  keepers.isEmpty() ? null : keepers.getFirst(),
                  warm,
                  this::interrupt);
          case MixPlan mix ->
              new MixEpoch(
                  mix, workers, worldSize, start, sink, listener, keepers, warm, this::interrupt);
        };
    this.watch = Thread.ofPlatform().name("watch-" + plan.name()).daemon().unstarted(this::watch);
  }

  /** Starts the workers. */
  public void start() {
    synchronized (this) {
      epoch.work().forEach(this::startWorker);
    }
    watch.start();
  }

  /** Under the lock. */
  private void startWorker(Epoch.Work work) {
    String name = "worker-" + plan.name() + "-" + numbers;
    Worker worker = new Worker(numbers, name, work, this::live);
    living.put(numbers, worker);
    numbers++;
    worker.start();
  }

  /** The sequence of this epoch. */
  public Sequence sequence() {
    return epoch.sequence();
  }

  /** As {@link #stopKeeping()}, without keeping anything. */
  public void stop() {
    stopKeeping().close();
  }

  /**
   * Ends the workers, waits until they are gone, and keeps the splits that they have finished. Who
   * does not come back within seconds is given up: it delivers nothing any more. Not from a
   * worker's own thread.
   */
  public WarmSplits stopKeeping() {
    synchronized (this) {
      stopped = true;
    }
    epoch.dispatcher().end();
    living.values().forEach(Worker::interrupt);
    boolean interrupted = false;
    while (!isOver()) {
      try {
        giveUp();
        pause(SHORTEST_WATCH);
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return epoch.leave();
  }

  private synchronized boolean isOver() {
    return over || numbers == 0;
  }

  private synchronized void pause(Duration longest) throws InterruptedException {
    if (!over) {
      TimeUnit.NANOSECONDS.timedWait(this, longest.toNanos());
    }
  }

  /** Tells a worker that nobody needs what it does. Called under the dispatcher's lock. */
  private void interrupt(Assignment split) {
    Worker worker = living.get(split.lease().worker());
    if (worker != null) {
      worker.interrupt(split);
    }
  }

  private void live(Worker worker) {
    try {
      while (worker.work(workers.engine())) {
        // There is more, with another session.
      }
    } catch (InterruptedException _) {
      // Somebody stopped the epoch, or another worker failed.
    } catch (Throwable e) {
      if (!worker.isAbandoned()) {
        fail(LeasedRuns.described(e));
      }
    } finally {
      leave(worker);
    }
  }

  private void fail(LastmileException cause) {
    synchronized (this) {
      if (stopped || failure != null) {
        return;
      }
      failure = cause;
    }
    epoch.dispatcher().end();
    living.values().forEach(Worker::interrupt);
  }

  /** Looks after runs and workers that take too long, until the epoch is over. */
  private void watch() {
    Duration period = workers.splitTimeout().dividedBy(WATCHES);
    period = period.compareTo(LONGEST_WATCH) > 0 ? LONGEST_WATCH : period;
    period = period.compareTo(SHORTEST_WATCH) < 0 ? SHORTEST_WATCH : period;
    try {
      while (!isOver()) {
        pause(period);
        expire();
        giveUp();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts it", e);
    }
  }

  private void expire() {
    for (Dispatcher.Expired expired : epoch.dispatcher().expire()) {
      if (expired.failed() == Failed.TOO_OFTEN) {
        Assignment split = expired.split();
        String name = epoch.name(split.member());
        fail(LeasedRuns.tooOften(split, name, workers.mostFailures(), workers.timeout()));
      }
    }
  }

  /** Puts others in the place of workers that do not come back. */
  private void giveUp() {
    boolean last = false;
    synchronized (this) {
      for (Worker worker : List.copyOf(living.values())) {
        if (worker.abandon(PATIENCE)) {
          living.remove(worker.number());
          if (!stopped && failure == null) {
            startWorker(worker.work());
          }
          last = living.isEmpty();
        }
      }
    }
    if (last) {
      end();
    }
  }

  /** The failure of an epoch that has no rows where it must; null: it has some, or it need not. */
  private @Nullable LastmileException empty() {
    Position end = sequence().position();
    if (end.rows() > 0 || plan.dataset().onEmpty() == Dataset.OnEmpty.ALLOW) {
      return null;
    }
    StringBuilder dropped = new StringBuilder();
    for (int i = 0; i < plan.dropSteps().size(); i++) {
      CountedStep step = plan.dropSteps().get(i);
      dropped.append(", dropped by %s %d".formatted(step.words(), end.counts().dropped().get(i)));
    }
    Pruned pruned = plan.pruned();
    String unread =
        pruned.files() + pruned.rowGroups() == 0
            ? ""
            : ", ruled out before it was read by %s".formatted(String.join(" and ", pruned.by()));
    return LastmileException.of(
        FailureKind.DATA,
        "Dataset \"%s\" has no rows in epoch %d: read %d%s%s (on_empty: allow goes on without)"
            .formatted(plan.name(), end.epoch(), end.counts().read(), unread, dropped));
  }

  /** The last worker to leave ends the epoch; until then it can be interrupted. */
  private void leave(Worker worker) {
    synchronized (this) {
      if (worker.isAbandoned()) {
        return;
      }
      if (living.size() > 1) {
        living.remove(worker.number());
        return;
      }
      // Another worker's failure ends with us: what follows is not to be interrupted.
      worker.end();
      boolean _ = worker.append();
    }
    end();
  }

  private void end() {
    try {
      LastmileException failed;
      synchronized (this) {
        if (stopped) {
          return;
        }
        failed = failure;
      }
      epoch.leave().close();
      if (failed != null) {
        listener.failed(failed);
      } else {
        finish();
      }
    } catch (InterruptedException _) {
      // Stopped while the last step waited for a slot.
    } finally {
      epoch.close();
      synchronized (this) {
        living.clear();
        over = true;
        notifyAll();
      }
    }
  }

  private void finish() throws InterruptedException {
    Position next = sequence().finish();
    LastmileException empty = empty();
    if (empty == null) {
      listener.ended(next);
    } else {
      listener.failed(empty);
    }
  }
}
