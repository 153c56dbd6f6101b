package io.lastmile.launch;

import io.lastmile.error.LastmileException;

/**
 * Hears what the ranks do. Calls come from threads of the launcher, for different ranks and
 * channels at the same time; a call that blocks holds up the rank it is about.
 */
public interface RankListener {
  /** Where a rank printed something. */
  enum Channel {
    STDOUT,
    STDERR
  }

  /** The process of a rank runs; before its first line. */
  void started(int rank, long pid);

  /** A rank printed a line, given without its end. */
  void line(int rank, Channel channel, String line);

  /** The ranks begin to end because of this; told once, before the ends of those that are ended. */
  void failed(LastmileException failure);

  /** The process of a rank has ended; 128 + n when signal n ended it. */
  void ended(int rank, int exitCode);
}
