package io.lastmile.plan;

import io.lastmile.dataset.Cluster;

/**
 * The memory of a job on one machine, in bytes. Half of the workers' memory is the engine's limit,
 * half is for rows that wait for their turn, shared evenly by the datasets; slots and heap come on
 * top and are shown beside it.
 *
 * @param engine limit of the query engine
 * @param staging of one dataset
 */
public record Budget(long engine, long staging) {
  static Budget of(Cluster cluster, int datasets) {
    long total = Math.multiplyExact(cluster.workers(), cluster.workerMemory());
    return new Budget(total / 2, total / 2 / Math.max(1, datasets));
  }
}
