package io.lastmile;

import io.lastmile.feed.RankLife;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** For how long each rank has stood still. Used by one thread; a pure rule, without a clock. */
final class Stalls {
  /**
   * When one rank has stalled, so have those that have stood still for nearly as long: they wait
   * for each other.
   */
  private static final double NEARLY = 0.9;

  private final Duration timeout;

  /** Nanoseconds by rank. */
  private final long[] still;

  /** By rank. */
  private final long[] signs;

  Stalls(int worldSize, Duration timeout) {
    this.timeout = timeout;
    this.still = new long[worldSize];
    this.signs = new long[worldSize];
    Arrays.fill(signs, -1);
  }

  Duration timeout() {
    return timeout;
  }

  int worldSize() {
    return still.length;
  }

  /**
   * Time has passed. It does not count for a rank that may be waiting for a feed.
   *
   * @param lives of all ranks, as they are now
   * @param nanos since they were observed the last time
   * @return the ranks that stand still when one has for the whole timeout; else none
   */
  List<Integer> observe(List<RankLife> lives, long nanos) {
    for (int rank = 0; rank < still.length; rank++) {
      RankLife life = lives.get(rank);
      if (life.signs() != signs[rank]) {
        signs[rank] = life.signs();
        still[rank] = 0;
      } else if (!life.waits()) {
        still[rank] += nanos;
      }
    }
    boolean stalled =
        IntStream.range(0, still.length)
            .anyMatch(rank -> !lives.get(rank).waits() && still[rank] >= timeout.toNanos());
    return stalled
        ? IntStream.range(0, still.length)
            .filter(rank -> !lives.get(rank).waits() && still[rank] >= NEARLY * timeout.toNanos())
            .boxed()
            .toList()
        : List.of();
  }
}
