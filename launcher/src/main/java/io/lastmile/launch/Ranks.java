package io.lastmile.launch;

import java.time.Duration;
import java.util.List;

/**
 * The ranks of a job while they run: all go on, or all are ended. A rank that ends well while
 * others go on is fine; the first one that ends badly ends the others.
 *
 * <p>Every method may be called from any thread.
 */
public interface Ranks {
  /**
   * Waits until no process of any rank is left.
   *
   * @return how they ended; the same again when called again
   * @throws InterruptedException when the waiting thread is interrupted; the ranks go on
   */
  RanksEnd await() throws InterruptedException;

  /**
   * Ends all ranks: asks them to end at once, and makes them after a second. Returns without
   * waiting; {@link #await} returns less than two seconds later. Idempotent, also after the end.
   */
  void cancel();

  /**
   * Ends all ranks because some of them stand still: has their Python processes write their stacks
   * into their logs, and ends them all when that is done, after two seconds at the latest. Returns
   * without waiting. Does nothing when the ranks are being ended already.
   *
   * @param stalled by rank, not empty
   * @param timeout for which they have stood still
   */
  void stall(List<Integer> stalled, Duration timeout);
}
