package io.lastmile.error;

import org.jspecify.annotations.Nullable;

/**
 * A failure with a message for the user: what was wrong, the value, the bound, the place, the
 * remedy; one line, no stack trace needed.
 *
 * <p>{@link #element()} names the element of the experiment at fault, such as {@code
 * datasets.train.steps[2].filter}; whoever shows the message adds the file and line of that
 * element.
 */
public final class LastmileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final FailureKind kind;
  private final @Nullable String element;

  private LastmileException(
      FailureKind kind, String message, @Nullable String element, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.element = element;
  }

  /** A mistake of the user's at an element of the experiment. */
  public static LastmileException user(String element, String message) {
    return new LastmileException(FailureKind.USER, message, element, null);
  }

  /** A failure that belongs to no single element of the experiment. */
  public static LastmileException of(FailureKind kind, String message) {
    return new LastmileException(kind, message, null, null);
  }

  /** A failure that belongs to no single element of the experiment, with what caused it. */
  public static LastmileException of(FailureKind kind, String message, Throwable cause) {
    return new LastmileException(kind, message, null, cause);
  }

  public FailureKind kind() {
    return kind;
  }

  public @Nullable String element() {
    return element;
  }

  /** The message, never null. */
  public String text() {
    String message = getMessage();
    return message == null ? kind.word() : message;
  }
}
