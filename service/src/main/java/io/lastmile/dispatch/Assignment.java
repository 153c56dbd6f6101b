package io.lastmile.dispatch;

import io.lastmile.split.Split;

/**
 * A split for a worker.
 *
 * @param member whose it is, by index
 * @param lease under which it is run
 * @param split to run
 * @param mode how
 * @param bytes of staging reserved for it
 */
public record Assignment(
    int member, Lease lease, Split split, DispatcherState.Mode mode, long bytes) {
  /** Ordinal over all passes of the member. */
  public int ordinal() {
    return lease.ordinal();
  }
}
