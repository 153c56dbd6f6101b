package io.lastmile;

/** Why a run was cancelled. */
public enum Cancellation {
  /** A program asked for it. */
  REQUESTED(130, "Cancelled"),
  /** The user pressed Ctrl-C. */
  INTERRUPTED(130, "Interrupted (Ctrl-C)"),
  /** The process got SIGTERM. */
  TERMINATED(143, "Terminated (SIGTERM)");

  private final int exitCode;
  private final String message;

  Cancellation(int exitCode, String message) {
    this.exitCode = exitCode;
    this.message = message;
  }

  /** The exit code of a job that was cancelled for this. */
  public int exitCode() {
    return exitCode;
  }

  /** What the summary says. */
  public String message() {
    return message;
  }
}
