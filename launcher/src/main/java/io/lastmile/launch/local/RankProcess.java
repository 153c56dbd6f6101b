package io.lastmile.launch.local;

import io.lastmile.launch.RankListener.Channel;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;

/** The process of one rank and the two threads that keep what it prints. Immutable. */
record RankProcess(int rank, Process process, RankLog log, List<Thread> readers) {
  /** What is still in the pipes when a process has ended is read within this time. */
  private static final Duration LAST_LINES = Duration.ofMillis(300);

  static RankProcess of(int rank, Process process, RankLog log) {
    return new RankProcess(
        rank,
        process,
        log,
        List.of(
            reader(rank, log, process.getInputStream(), Channel.STDOUT),
            reader(rank, log, process.getErrorStream(), Channel.STDERR)));
  }

  private static Thread reader(int rank, RankLog log, InputStream from, Channel channel) {
    return Thread.ofPlatform()
        .daemon()
        .name("lastmile-rank-%d-%s".formatted(rank, channel))
        .start(() -> log.read(from, channel));
  }

  /** Asks the process to end. */
  void terminate() {
    process.destroy();
  }

  /**
   * Ends the process and all below it. The rank's supervisor is the parent of every orphan of its
   * tree, so what lives is found below it; it goes last.
   */
  void kill() {
    process.descendants().toList().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  /** Waits, briefly, for the last lines of an ended process. */
  void finishLog() throws InterruptedException {
    for (Thread reader : readers) {
      boolean _ = reader.join(LAST_LINES);
    }
    log.close();
  }
}
