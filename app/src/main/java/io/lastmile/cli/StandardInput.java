package io.lastmile.cli;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Our standard input, held by the program that embeds us: what it tells, and that it is there. */
final class StandardInput {
  private StandardInput() {}

  /** The next line, UTF-8, without its end. Reads no byte beyond it. */
  static String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("standard input has ended");
      }
      line.write(next);
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  /** Does something, on a thread of its own, once that program is gone or has closed it. */
  static void whenClosed(Runnable action) {
    Thread _ =
        Thread.ofPlatform()
            .daemon()
            .name("lastmile-parent")
            .start(() -> {
              try {
                long _ = System.in.transferTo(OutputStream.nullOutputStream());
              } catch (IOException _) {
                // As good as closed.
              }
              action.run();
            });
  }
}
