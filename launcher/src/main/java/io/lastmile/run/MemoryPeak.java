package io.lastmile.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The most memory that this process and everything below it held: the sum of their proportional set
 * sizes, in which memory shared by n processes counts 1/n in each. Sampled each second on a thread
 * of its own until closed.
 */
public final class MemoryPeak implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  private final Thread sampler;
  // Written by the sampler and by close(), guarded by this; 0: nothing could be read.
  private long peak;

  private MemoryPeak() {
    sampler = Thread.ofPlatform().daemon().name("lastmile-memory").unstarted(this::run);
  }

  /** Begins to sample. */
  public static MemoryPeak start() {
    MemoryPeak memory = new MemoryPeak();
    memory.sampler.start();
    return memory;
  }

  private void run() {
    try {
      while (true) {
        sample();
        Thread.sleep(INTERVAL);
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private void sample() {
    ProcessHandle self = ProcessHandle.current();
    long bytes =
        Stream.concat(Stream.of(self), self.descendants())
            .mapToLong(process -> proportionalBytes(process.pid()))
            .sum();
    raise(bytes);
  }

  private synchronized void raise(long bytes) {
    peak = Math.max(peak, bytes);
  }

  /** 0 for a process that is gone or belongs to somebody else. */
  private static long proportionalBytes(long pid) {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
      return lines
          .filter(line -> line.startsWith("Pss:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .sum();
    } catch (IOException | java.io.UncheckedIOException _) {
      return 0;
    }
  }

  /** The highest sample so far, in bytes; null when none could be taken. */
  public synchronized @Nullable Long bytes() {
    return peak == 0 ? null : peak;
  }

  /** Stops sampling. Idempotent. */
  @Override
  public void close() {
    sampler.interrupt();
  }
}
