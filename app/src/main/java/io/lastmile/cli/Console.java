package io.lastmile.cli;

import io.lastmile.launch.RankListener.Channel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * What the user sees: lines on standard output and standard error and, when standard error is a
 * terminal, one line below them that refreshes. Every method may be called from any thread.
 */
final class Console {
  private static final Duration TERMINAL_INTERVAL = Duration.ofMillis(250);
  private static final Duration PIPED_INTERVAL = Duration.ofSeconds(5);
  private static final String CLEAR = "\r\u001b[K";
  private static final String[] COLOURS = {"36", "33", "35", "32", "34", "31"};
  private static final String NO_WRAP = "\u001b[?7l";
  private static final String WRAP = "\u001b[?7h";

  private final PrintStream out;
  private final PrintStream err;
  private final boolean terminal;
  private final boolean coloured;

  /** The line that refreshes; empty: none. Guarded by this. */
  private String status = "";

  private Console(PrintStream out, PrintStream err, boolean terminal, boolean coloured) {
    this.out = out;
    this.err = err;
    this.terminal = terminal;
    this.coloured = coloured;
  }

  /** That of this process; colours are for a terminal whose user has not set NO_COLOR. */
  static Console ofProcess() {
    boolean terminal = isTerminal(2);
    boolean coloured = terminal && isTerminal(1) && mayColour(System.getenv());
    return new Console(stream(FileDescriptor.out), stream(FileDescriptor.err), terminal, coloured);
  }

  /** Pipes: no colours, no line that refreshes. */
  static Console piped(PrintStream out, PrintStream err) {
    return new Console(out, err, false, false);
  }

  /** A terminal with colours. */
  static Console terminal(PrintStream out, PrintStream err) {
    return new Console(out, err, true, true);
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  private static boolean isTerminal(int descriptor) {
    try {
      Path target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor));
      return target.startsWith("/dev/pts")
          || target.toString().startsWith("/dev/tty")
          || target.startsWith("/dev/console");
    } catch (IOException _) {
      return false;
    }
  }

  static boolean mayColour(Map<String, String> environment) {
    return environment.getOrDefault("NO_COLOR", "").isEmpty();
  }

  boolean isTerminal() {
    return terminal;
  }

  /** A line, or several, on standard output. */
  void print(String text) {
    above(out, text);
  }

  /** A line on standard error. */
  void error(String line) {
    above(err, line);
  }

  /** Where an error comes from, on standard error. */
  synchronized void trace(Throwable error) {
    error.printStackTrace(err);
  }

  /** A line that a rank printed, on the channel where it printed it. */
  void rankLine(int rank, Channel channel, String line) {
    above(
        switch (channel) {
          case STDOUT -> out;
          case STDERR -> err;
        },
        prefix(rank) + line);
  }

  private String prefix(int rank) {
    String prefix = "[rank " + rank + "]";
    String colour = COLOURS[rank % COLOURS.length];
    return coloured ? "\u001b[" + colour + "m" + prefix + "\u001b[0m " : prefix + " ";
  }

  private synchronized void above(PrintStream stream, String text) {
    if (!status.isEmpty()) {
      err.print(CLEAR);
      err.flush();
    }
    stream.print(text + "\n");
    stream.flush();
    draw();
  }

  /** How often the line that refreshes is worth to be drawn, or another to be added. */
  Duration interval() {
    return terminal ? TERMINAL_INTERVAL : PIPED_INTERVAL;
  }

  /** On a terminal the line that refreshes, else one more line on standard error. */
  synchronized void status(String line) {
    if (terminal) {
      status = line;
      draw();
    } else {
      error(line);
    }
  }

  /** Takes the line that refreshes away. */
  synchronized void clearStatus() {
    if (!status.isEmpty()) {
      status = "";
      err.print(CLEAR);
      err.flush();
    }
  }

  private void draw() {
    if (!status.isEmpty()) {
      err.print(CLEAR + NO_WRAP + status + WRAP);
      err.flush();
    }
  }

  PrintWriter outWriter() {
    return new PrintWriter(out, true, StandardCharsets.UTF_8);
  }

  PrintWriter errWriter() {
    return new PrintWriter(err, true, StandardCharsets.UTF_8);
  }
}
