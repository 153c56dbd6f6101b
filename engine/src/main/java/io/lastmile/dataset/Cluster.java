package io.lastmile.dataset;

import java.time.Duration;

/**
 * The hardware of a job on this machine.
 *
 * @param workers threads that run splits, &gt; 0
 * @param workerMemory bytes of the budget of each of them, &gt; 0
 * @param splitTimeout a run of a split that takes longer is given up, and the split run again; in
 *     whole milliseconds, &gt; 0
 */
public record Cluster(int workers, long workerMemory, Duration splitTimeout) {
  /** The budget of a worker unless the experiment says otherwise: 2 GiB. */
  public static final long DEFAULT_WORKER_MEMORY = 2L << 30;

  /** How long a split may take unless the experiment says otherwise: ten minutes. */
  public static final Duration DEFAULT_SPLIT_TIMEOUT = Duration.ofMinutes(10);

  public Cluster {
    Checks.positive("workers.max", workers);
    Checks.positive("workers.memory", workerMemory);
    TimeSpan.checkPositive("workers.split_timeout", splitTimeout);
  }

  /** One worker per core. */
  public static Cluster local() {
    int cores = Runtime.getRuntime().availableProcessors();
    return new Cluster(cores, DEFAULT_WORKER_MEMORY, DEFAULT_SPLIT_TIMEOUT);
  }

  /** This cluster with so many workers. */
  public Cluster workers(int count) {
    return new Cluster(count, workerMemory, splitTimeout);
  }

  /** This cluster with so many bytes for each worker. */
  public Cluster workerMemory(long bytes) {
    return new Cluster(workers, bytes, splitTimeout);
  }

  /** This cluster whose workers give up a run of a split that takes longer. */
  public Cluster splitTimeout(Duration span) {
    return new Cluster(workers, workerMemory, span);
  }

  /** This cluster whose workers give up a run of a split that takes longer, such as {@code 5m}. */
  public Cluster splitTimeout(String span) {
    return splitTimeout(TimeSpan.parse("workers.split_timeout", span));
  }

  /** This cluster with so much memory for each worker, such as {@code 512MiB}. */
  public Cluster workerMemory(String size) {
    return workerMemory(ByteSize.parse("workers.memory", size));
  }
}
