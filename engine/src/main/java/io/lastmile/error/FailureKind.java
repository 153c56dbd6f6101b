package io.lastmile.error;

/**
 * Why something ended, and the exit code that says so. The kind decides what the user is told and
 * whether a retry can help.
 */
public enum FailureKind {
  /** A mistake found before the first rank starts. */
  USER("user", 2),
  /** Bad data, or an expression that fails on a row at run time. */
  DATA("data", 3),
  /** A rank ended badly. */
  TRAINER("trainer", 4),
  /** Memory, disk or another resource ran out at run time. */
  RESOURCES("resources", 5),
  /** The user asked for the end: Ctrl-C. */
  CANCELLED("cancelled", 130),
  /** A fault of Lastmile itself. */
  INTERNAL("internal", 1);

  private final String word;
  private final int exitCode;

  FailureKind(String word, int exitCode) {
    this.word = word;
    this.exitCode = exitCode;
  }

  /** The word of this kind in {@code summary.json}. */
  public String word() {
    return word;
  }

  /** The process exit code of this kind. */
  public int exitCode() {
    return exitCode;
  }
}
