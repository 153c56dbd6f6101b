package io.lastmile.worker;

import io.lastmile.dataset.Dataset;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.CountedStep;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.Pruned;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.Sequence;
import io.lastmile.sequence.StepSink;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
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

  private final FeedPlan plan;
  private final Engine engine;
  private final Epoch epoch;
  private final Listener listener;
  private final List<Thread> threads = new ArrayList<>();
  private final List<Session> sessions = new ArrayList<>();
  private final AtomicInteger running;
  private final AtomicReference<@Nullable LastmileException> failure = new AtomicReference<>();
  private volatile boolean stopped;

  /**
   * An epoch that goes on from a position.
   *
   * @param plan of the dataset
   * @param engine that runs the queries
   * @param workers threads
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of the steps
   * @param listener told of the end
   * @param keepers of more than the sequence takes, one for each table of the plan; none: nothing
   *     more is kept
   */
  public EpochRun(
      FeedPlan plan,
      Engine engine,
      int workers,
      int worldSize,
      Position start,
      StepSink sink,
      Listener listener,
      List<RowKeeper> keepers) {
    this.plan = plan;
    this.engine = engine;
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
                  keepers.isEmpty() ? null : keepers.getFirst());
          case MixPlan mix -> new MixEpoch(mix, workers, worldSize, start, sink, listener, keepers);
        };
    for (Epoch.Work work : epoch.work()) {
      String name = "worker-" + plan.name() + "-" + threads.size();
      threads.add(Thread.ofPlatform().name(name).daemon().unstarted(() -> run(work)));
    }
    this.running = new AtomicInteger(threads.size());
  }

  /** Starts the workers. */
  public void start() {
    threads.forEach(Thread::start);
  }

  /** The sequence of this epoch. */
  public Sequence sequence() {
    return epoch.sequence();
  }

  /** Ends the workers and waits until they are gone. Not from a worker's own thread. */
  public void stop() {
    stopped = true;
    endWorkers();
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException _) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void endWorkers() {
    synchronized (sessions) {
      sessions.forEach(Session::interrupt);
    }
    threads.stream().filter(thread -> thread != Thread.currentThread()).forEach(Thread::interrupt);
  }

  private void run(Epoch.Work work) {
    try (Session session = engine.connect()) {
      synchronized (sessions) {
        sessions.add(session);
      }
      try {
        work.run(session);
      } finally {
        synchronized (sessions) {
          sessions.remove(session);
        }
      }
    } catch (InterruptedException _) {
      // Somebody stopped the epoch, or another worker failed.
    } catch (Throwable e) {
      fail(e);
    } finally {
      leave();
    }
  }

  private void fail(Throwable e) {
    LastmileException described =
        e instanceof LastmileException known
            ? known
            : LastmileException.of(FailureKind.INTERNAL, "A worker failed: " + e, e);
    if (!stopped && failure.compareAndSet(null, described)) {
      endWorkers();
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

  /** The last worker to leave ends the epoch. */
  private void leave() {
    if (running.decrementAndGet() > 0) {
      return;
    }
    // Another worker's failure ends with us: what follows is not to be interrupted.
    boolean _ = Thread.interrupted();
    try {
      LastmileException failed = failure.get();
      if (stopped) {
        return;
      }
      if (failed != null) {
        listener.failed(failed);
      } else {
        Position next = sequence().finish();
        LastmileException empty = empty();
        if (empty == null) {
          listener.ended(next);
        } else {
          listener.failed(empty);
        }
      }
    } catch (InterruptedException _) {
      // Stopped while the last step waited for a slot.
    } finally {
      epoch.close();
    }
  }
}
