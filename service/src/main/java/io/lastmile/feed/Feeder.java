package io.lastmile.feed;

import io.lastmile.error.LastmileException;
import java.util.concurrent.CompletionStage;

/**
 * The feeds of a job while they are served to its ranks. One driver owns it and closes it; every
 * method may be called from any thread.
 */
public interface Feeder extends FeedMonitor, AutoCloseable {
  /** Completes, normally, with the failure that ended the feeds; never when none did. */
  CompletionStage<LastmileException> failure();

  /**
   * Completes, normally, with what a rank did that the others cannot go on after: it closed a feed
   * before its end, or ended without opening it. Only that feed has ended.
   */
  CompletionStage<LastmileException> misuse();

  /** The process of a rank has ended: it opens no feed any more. */
  void ended(int rank);

  /**
   * Ends every feed: the ranks get this failure at their next {@code next()}. Only the first
   * failure counts; returns without waiting.
   */
  void fail(LastmileException failure);

  /** Ends the feeds and gives back all they hold. Returns when that is done. Idempotent. */
  @Override
  void close();
}
