package io.lastmile.feed;

import io.lastmile.error.LastmileException;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The feeds of a job while they are served to its ranks. One driver owns it and closes it; every
 * method may be called from any thread.
 */
public interface Feeder extends FeedMonitor, AutoCloseable {
  /**
   * The ranks of an attempt are going to be started: those of the attempt before have all ended,
   * and their feeds end, which is no failure. What became of the rows stays known.
   *
   * @param attempt its number, greater than that of any before; ranks of others are refused
   */
  void begin(int attempt);

  /**
   * Has something done each time before the ranks are told that an epoch has ended; {@link
   * #progress} and {@link #history} know it then. Called at most once, before the first attempt.
   *
   * @param keep run by a worker's thread, which may be interrupted; returns soon
   */
  void beforeEnds(Runnable keep);

  /** Completes, normally, with the failure that ended the feeds; never when none did. */
  CompletionStage<LastmileException> failure();

  /**
   * Completes, normally, with what a rank of this attempt did that the others cannot go on after:
   * it closed a feed before its end, or ended without opening it. Only that feed has ended. Each
   * attempt has one of its own.
   */
  CompletionStage<Misuse> misuse();

  /**
   * The mistake of the script for which a rank of this attempt was refused its rows, such as a
   * state of another plan, when the rank has opened no feed and taken no step since; null: none
   * was.
   */
  @Nullable LastmileException mistake();

  /** The process of a rank has ended: it opens no feed any more. */
  void ended(int rank);

  /** What can be seen of a rank of this attempt. */
  RankLife life(int rank);

  /** What became of the rows so far, as a tree of JSON, for another driver to go on with. */
  Map<String, Object> history();

  /**
   * Ends every feed: the ranks get this failure at their next {@code next()}. Only the first
   * failure counts; returns without waiting.
   */
  void fail(LastmileException failure);

  /** Ends the feeds and gives back all they hold. Returns when that is done. Idempotent. */
  @Override
  void close();
}
