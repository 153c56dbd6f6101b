package io.lastmile;

import io.lastmile.launch.RankListener.Channel;

/** Hears what the ranks print; they keep it in their logs too. */
@FunctionalInterface
public interface RankOutput {
  /**
   * A rank printed a line. Called from two threads per rank, one for each channel; a call that
   * blocks holds up that rank.
   *
   * @param line without its end
   */
  void line(int rank, Channel channel, String line);
}
