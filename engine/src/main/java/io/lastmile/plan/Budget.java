package io.lastmile.plan;

import io.lastmile.dataset.Cluster;
import io.lastmile.error.LastmileException;

/**
 * The memory of a job on one machine, in bytes. Half of the workers' memory is the engine's limit,
 * half is for rows that wait for their turn, shared evenly by the datasets; slots and heap come on
 * top and are shown beside it.
 *
 * @param engine limit of the query engine
 * @param staging of one dataset
 */
public record Budget(long engine, long staging) {
  private static final long LEAST = 64L << 20;

  /** An equal share of the rows that wait, for one of several. */
  Budget share(int of) {
    return new Budget(engine, staging / of);
  }

  static Budget of(Cluster cluster, int datasets) {
    if (cluster.workerMemory() < LEAST) {
      throw LastmileException.user(
          "cluster.workers.memory",
          "Invalid memory: %d bytes (must be >= 64MiB)".formatted(cluster.workerMemory()));
    }
    long total = Math.multiplyExact(cluster.workers(), cluster.workerMemory());
    return new Budget(total / 2, total / 2 / Math.max(1, datasets));
  }
}
