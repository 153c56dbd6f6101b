package io.lastmile.launch;

import io.lastmile.error.LastmileException;

/**
 * Starts the ranks of a job on some kind of machines.
 *
 * <p>The driver calls {@link #start} once per attempt of a job, from one thread, and then holds the
 * {@link Ranks} until {@link Ranks#await} has returned. A launcher keeps nothing between calls.
 */
public interface Launcher {
  /**
   * Starts all ranks or none, and returns as soon as their processes run.
   *
   * @param plan what to start
   * @param listener hears of starts, lines and ends until {@link Ranks#await} returns
   * @throws LastmileException RESOURCES when a rank cannot be started; those started before it have
   *     been ended
   */
  Ranks start(RankPlan plan, RankListener listener);
}
