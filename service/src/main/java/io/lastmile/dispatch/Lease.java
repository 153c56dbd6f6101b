package io.lastmile.dispatch;

/**
 * The right of a worker to deliver a split. A split that is run again has another lease, and at
 * most one of all delivers it.
 *
 * @param ordinal of the split, over all passes
 * @param run how often the split was begun before
 * @param worker number of the worker
 */
public record Lease(int ordinal, int run, int worker) {
  /** Of a split that was finished before this epoch was run. */
  static Lease warm(int ordinal) {
    return new Lease(ordinal, -1, -1);
  }
}
