package io.lastmile;

import io.lastmile.feed.Feeder;
import java.time.Duration;

/**
 * Keeps what becomes of the epochs, and notices their ends, on a thread of its own, until closed.
 */
final class EpochWatch implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofMillis(500);

  private final Thread thread;

  private EpochWatch(Feeder feeder, RunEvents events) {
    thread =
        Thread.ofPlatform().daemon().name("lastmile-epochs").unstarted(() -> watch(feeder, events));
  }

  static EpochWatch start(Feeder feeder, RunEvents events) {
    EpochWatch watch = new EpochWatch(feeder, events);
    watch.thread.start();
    return watch;
  }

  private static void watch(Feeder feeder, RunEvents events) {
    try {
      while (true) {
        Thread.sleep(INTERVAL);
        events.observe(feeder.progress(), feeder.history());
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
