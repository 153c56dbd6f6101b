package io.lastmile.worker;

import io.lastmile.dispatch.Assignment;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A thread that runs splits, with a session of its own. Others may interrupt what it does, and give
 * it up when it does not come back.
 */
final class Worker {
  private final int number;
  private final Epoch.Work work;
  private final Thread thread;

  /** Guarded by this, like all below. */
  private @Nullable Session session;

  private @Nullable Assignment split;

  /** When it was last asked to come back, {@link System#nanoTime()}; null: it was not. */
  private @Nullable Long asked;

  private boolean appending;
  private boolean abandoned;

  /** What a worker does, from its start to its end. */
  interface Life {
    void live(Worker worker);
  }

  Worker(int number, String name, Epoch.Work work, Life life) {
    this.number = number;
    this.work = work;
    this.thread = Thread.ofPlatform().name(name).daemon().unstarted(() -> life.live(this));
  }

  int number() {
    return number;
  }

  Epoch.Work work() {
    return work;
  }

  void start() {
    thread.start();
  }

  /** Does its work with a session of its own; says whether there may be more. On its thread. */
  boolean work(Engine engine) throws InterruptedException {
    if (isAbandoned()) {
      return false;
    }
    try (Session own = engine.connect()) {
      has(own);
      try {
        return work.run(this, own);
      } finally {
        has(null);
      }
    }
  }

  private synchronized void has(@Nullable Session own) {
    session = own;
  }

  /** It runs a split from now on. */
  synchronized void begin(Assignment assignment) {
    split = assignment;
  }

  /** It has run the split; who asked it to come back has been heard. */
  synchronized void end() {
    split = null;
    asked = null;
    boolean _ = Thread.interrupted();
  }

  /**
   * It waits for its turn, or puts rows into the sequence, from now on: until {@link #appended} it
   * is not given up, since it must not write where another does. It waits for ranks, but cannot
   * hang. False: it has been given up already.
   */
  synchronized boolean append() {
    appending = !abandoned;
    return appending;
  }

  /** It has put rows into the sequence. Not called when that failed: then they may be half in. */
  synchronized void appended() {
    appending = false;
  }

  synchronized boolean isAppending() {
    return appending;
  }

  /** Interrupts it if it runs this split. Any thread. */
  synchronized void interrupt(Assignment assignment) {
    if (split != null
        && split.member() == assignment.member()
        && split.lease().equals(assignment.lease())) {
      interrupt();
    }
  }

  /** Interrupts whatever it does. Any thread. */
  synchronized void interrupt() {
    if (asked == null) {
      asked = System.nanoTime();
    }
    if (session != null) {
      session.interrupt();
    }
    if (thread != Thread.currentThread()) {
      thread.interrupt();
    }
  }

  /** Gives it up if it was asked to come back so long ago, and has not; says whether it did. */
  synchronized boolean abandon(Duration patience) {
    if (asked == null || appending || System.nanoTime() - asked < patience.toNanos()) {
      return false;
    }
    abandoned = true;
    return true;
  }

  /** Whether it has been given up: what it does and how it ends means nothing any more. */
  synchronized boolean isAbandoned() {
    return abandoned;
  }
}
