package io.lastmile.dataset;

/**
 * The hardware of a job on this machine.
 *
 * @param workers threads that run splits, &gt; 0
 * @param workerMemory bytes of the budget of each of them
 */
public record Cluster(int workers, long workerMemory) {
  /** The budget of a worker unless the experiment says otherwise: 2 GiB. */
  public static final long DEFAULT_WORKER_MEMORY = 2L << 30;

  /** One worker per core. */
  public static Cluster local() {
    return new Cluster(Runtime.getRuntime().availableProcessors(), DEFAULT_WORKER_MEMORY);
  }
}
