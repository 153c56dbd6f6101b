package io.lastmile.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The lock on the file {@code lock} of a run record, which its driver holds as long as it lives:
 * whoever can take it knows that the driver has ended. Any thread.
 */
final class RecordLock implements AutoCloseable {
  /**
   * The folders whose locks this process has, guarded by itself. A process loses its lock on a file
   * as soon as it closes any descriptor of that file, so it must not try its own.
   */
  private static final Set<Path> OWN = new HashSet<>();

  private final Path folder;
  private final FileChannel channel;

  private RecordLock(Path folder, FileChannel channel) {
    this.folder = folder;
    this.channel = channel;
  }

  /** The lock of a folder, given by its real path; null: somebody has it. */
  static @Nullable RecordLock take(Path folder) throws IOException {
    synchronized (OWN) {
      if (OWN.contains(folder)) {
        return null;
      }
      FileChannel channel =
          FileChannel.open(
              folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        channel.close();
        return null;
      }
      boolean _ = OWN.add(folder);
      return new RecordLock(folder, channel);
    }
  }

  /** Gives it back. Idempotent. */
  @Override
  public void close() {
    synchronized (OWN) {
      if (channel.isOpen()) {
        boolean _ = OWN.remove(folder);
        try {
          channel.close();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }
}
