package io.lastmile.launch.local;

import java.util.Map;

/** What the exit code of a process says. */
final class ExitCode {
  private static final int SIGNALLED = 128;

  private static final Map<Integer, String> SIGNALS =
      Map.of(
          1, "SIGHUP",
          2, "SIGINT",
          3, "SIGQUIT",
          4, "SIGILL",
          6, "SIGABRT",
          7, "SIGBUS",
          8, "SIGFPE",
          9, "SIGKILL",
          11, "SIGSEGV",
          15, "SIGTERM");

  private ExitCode() {}

  /** {@code exited with code 3}, or {@code was ended by signal 9 (SIGKILL)}. */
  static String text(int exitCode) {
    int signal = exitCode - SIGNALLED;
    if (signal < 1 || signal > 64) {
      return "exited with code " + exitCode;
    }
    String name = SIGNALS.get(signal);
    return "was ended by signal " + signal + (name == null ? "" : " (" + name + ")");
  }
}
