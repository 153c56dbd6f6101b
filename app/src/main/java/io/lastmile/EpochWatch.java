package io.lastmile;

import io.lastmile.feed.FeedMonitor;
import java.time.Duration;

/** Notices the ends of epochs on a thread of its own, until closed. */
final class EpochWatch implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofMillis(500);

  private final Thread thread;

  private EpochWatch(FeedMonitor monitor, RunEvents events) {
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("lastmile-epochs")
            .unstarted(() -> watch(monitor, events));
  }

  static EpochWatch start(FeedMonitor monitor, RunEvents events) {
    EpochWatch watch = new EpochWatch(monitor, events);
    watch.thread.start();
    return watch;
  }

  private static void watch(FeedMonitor monitor, RunEvents events) {
    try {
      while (true) {
        Thread.sleep(INTERVAL);
        events.observe(monitor.progress());
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
