package io.lastmile.worker;

import io.lastmile.split.Split;

/** What befalls the runs of splits, so that tests see what comes of it. Any thread. */
@FunctionalInterface
public interface SplitFaults {
  /** Nothing. */
  SplitFaults NONE = (_, _) -> {};

  /**
   * Called on the worker's thread before a split is run. It fails the run by any exception, and
   * delays it by not returning.
   *
   * @param split that is run
   * @param run how often it was begun before
   */
  void before(Split split, int run) throws Exception;
}
