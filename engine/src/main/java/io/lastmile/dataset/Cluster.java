package io.lastmile.dataset;

/**
 * The hardware of a job on this machine.
 *
 * @param workers threads that run splits, &gt; 0
 * @param workerMemory bytes of the budget of each of them, &gt; 0
 */
public record Cluster(int workers, long workerMemory) {
  /** The budget of a worker unless the experiment says otherwise: 2 GiB. */
  public static final long DEFAULT_WORKER_MEMORY = 2L << 30;

  public Cluster {
    Checks.positive("workers.max", workers);
    Checks.positive("workers.memory", workerMemory);
  }

  /** One worker per core. */
  public static Cluster local() {
    return new Cluster(Runtime.getRuntime().availableProcessors(), DEFAULT_WORKER_MEMORY);
  }

  /** This cluster with so many workers. */
  public Cluster workers(int count) {
    return new Cluster(count, workerMemory);
  }

  /** This cluster with so many bytes for each worker. */
  public Cluster workerMemory(long bytes) {
    return new Cluster(workers, bytes);
  }

  /** This cluster with so much memory for each worker, such as {@code 512MiB}. */
  public Cluster workerMemory(String size) {
    return workerMemory(ByteSize.parse("workers.memory", size));
  }
}
