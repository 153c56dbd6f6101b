package io.lastmile;

import io.lastmile.feed.Feeder;
import io.lastmile.launch.Ranks;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

/** Notices ranks that stand still, on a thread of its own, until closed. */
final class StallWatch implements AutoCloseable {
  private static final Duration LONGEST_INTERVAL = Duration.ofMillis(250);
  private static final int LOOKS = 20;

  private final Thread thread;

  private StallWatch(Feeder feeder, Ranks ranks, int worldSize, Duration timeout) {
    thread =
        Thread.ofPlatform()
            .daemon()
            .name("lastmile-stalls")
            .unstarted(() -> watch(feeder, ranks, new Stalls(worldSize, timeout)));
  }

  static StallWatch start(Feeder feeder, Ranks ranks, int worldSize, Duration timeout) {
    StallWatch watch = new StallWatch(feeder, ranks, worldSize, timeout);
    watch.thread.start();
    return watch;
  }

  private static void watch(Feeder feeder, Ranks ranks, Stalls stalls) {
    Duration part = stalls.timeout().dividedBy(LOOKS).plusMillis(1);
    Duration interval = part.compareTo(LONGEST_INTERVAL) < 0 ? part : LONGEST_INTERVAL;
    List<Integer> stalled = List.of();
    long before = System.nanoTime();
    try {
      while (stalled.isEmpty()) {
        Thread.sleep(interval);
        long now = System.nanoTime();
        // A driver that was stopped itself has not seen what the ranks did meanwhile.
        long seen = Math.min(now - before, 2 * interval.toNanos());
        before = now;
        stalled =
            stalls.observe(
                IntStream.range(0, stalls.worldSize()).mapToObj(feeder::life).toList(), seen);
      }
      ranks.stall(stalled, stalls.timeout());
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
