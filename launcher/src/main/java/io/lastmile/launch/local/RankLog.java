package io.lastmile.launch.local;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.lastmile.launch.RankListener;
import io.lastmile.launch.RankListener.Channel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps what a rank prints, byte by byte, and tells a listener line by line. A carriage return ends
 * a line too, so progress bars come through as they are drawn.
 */
final class RankLog implements AutoCloseable {
  /** A line longer than this many bytes is told in pieces. */
  private static final int LINE_LIMIT = 1 << 16;

  private final int rank;
  private final Path path;
  private final RankListener listener;
  // Written by the reader of stdout and that of stderr, guarded by this.
  private final OutputStream file;
  private boolean closed;

  private RankLog(int rank, Path path, RankListener listener, OutputStream file) {
    this.rank = rank;
    this.path = path;
    this.listener = listener;
    this.file = file;
  }

  /** The log of a rank, in which a line begins each attempt but the first. */
  static RankLog open(int rank, Path path, int attempt, RankListener listener) throws IOException {
    OutputStream file =
        Files.newOutputStream(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    if (attempt > 1) {
      file.write("lastmile: attempt %d begins\n".formatted(attempt).getBytes(UTF_8));
    }
    return new RankLog(rank, path, listener, file);
  }

  /** Where it is kept. */
  Path path() {
    return path;
  }

  /** Reads one channel to its end; runs on a thread of its own. */
  void read(InputStream from, Channel channel) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    byte[] bytes = new byte[1 << 13];
    byte before = 0;
    try (from) {
      for (int read = from.read(bytes); read >= 0; read = from.read(bytes)) {
        for (int i = 0; i < read; i++) {
          line.write(bytes[i]);
          if (bytes[i] == '\n' || bytes[i] == '\r' || line.size() >= LINE_LIMIT) {
            keep(line);
            boolean secondHalf = before == '\r' && bytes[i] == '\n' && line.size() == 1;
            if (!secondHalf) {
              tell(line, channel);
            }
            line.reset();
          }
          before = bytes[i];
        }
      }
    } catch (IOException _) {
      // The pipe was closed under us: the process has ended.
    }
    if (line.size() > 0) {
      keep(line);
      tell(line, channel);
    }
  }

  private void tell(ByteArrayOutputStream line, Channel channel) {
    listener.line(rank, channel, line.toString(UTF_8).stripTrailing());
  }

  private synchronized void keep(ByteArrayOutputStream line) {
    if (closed) {
      return;
    }
    try {
      line.writeTo(file);
      file.flush();
    } catch (IOException _) {
      // A full disk must not end the training; the lines still reach the listener.
      closed = true;
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    try {
      file.close();
    } catch (IOException _) {
      // Every line has been flushed.
    }
  }
}
