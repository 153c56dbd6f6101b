package io.lastmile;

import io.lastmile.feed.Feeder;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Keeps what becomes of the epochs, and notices their ends, on a thread of its own, until closed:
 * again and again, and before the ranks are told of an end. So no rank has a position behind an
 * epoch whose end is not in the record.
 */
final class EpochWatch implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofMillis(500);
  private static final Duration LAST_WRITE = Duration.ofSeconds(5);

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("lastmile-epochs").factory());
  private final Feeder feeder;
  private final RunEvents events;

  private EpochWatch(Feeder feeder, RunEvents events) {
    this.feeder = feeder;
    this.events = events;
  }

  static EpochWatch start(Feeder feeder, RunEvents events) {
    EpochWatch watch = new EpochWatch(feeder, events);
    feeder.beforeEnds(watch::observeNow);
    long millis = INTERVAL.toMillis();
    ScheduledFuture<?> _ =
        watch.thread.scheduleWithFixedDelay(watch::observe, millis, millis, TimeUnit.MILLISECONDS);
    return watch;
  }

  private void observe() {
    events.observe(feeder.progress(), feeder.history());
  }

  /** On the thread of this: an interrupt of the caller would close the file that is written. */
  private void observeNow() {
    try {
      Object _ = thread.submit(this::observe).get();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } catch (RejectedExecutionException _) {
      // Closed.
    }
  }

  @Override
  public void close() {
    thread.shutdown();
    try {
      boolean _ = thread.awaitTermination(LAST_WRITE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
