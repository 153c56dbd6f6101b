package io.lastmile.error;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A failure with a message for the user: what was wrong, the value, the bound, the place, the
 * remedy; one line, no stack trace needed.
 *
 * <p>{@link #element()} names the element of the experiment at fault, such as {@code
 * datasets.train.steps[2].filter}; {@link #place()} is where the user finds it, such as {@code
 * experiment.yaml:12}, when that is known already. {@link #line(Function)} is the one rendering of
 * both.
 */
public final class LastmileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final FailureKind kind;
  private final @Nullable String element;
  private final @Nullable String place;

  private LastmileException(
      FailureKind kind,
      String message,
      @Nullable String element,
      @Nullable String place,
      @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.element = element;
    this.place = place;
  }

  /** A mistake of the user's at an element of the experiment. */
  public static LastmileException user(String element, String message) {
    return new LastmileException(FailureKind.USER, message, element, null, null);
  }

  /** A failure whose place in the user's files is known. */
  public static LastmileException at(FailureKind kind, String place, String message) {
    return new LastmileException(kind, message, null, place, null);
  }

  /** A failure that belongs to no single element of the experiment. */
  public static LastmileException of(FailureKind kind, String message) {
    return new LastmileException(kind, message, null, null, null);
  }

  /** A failure that belongs to no single element of the experiment, with what caused it. */
  public static LastmileException of(FailureKind kind, String message, Throwable cause) {
    return new LastmileException(kind, message, null, null, cause);
  }

  /**
   * The same failure, its element named from further out: {@code keep} under {@code steps[3]} is
   * {@code steps[3].keep}. A failure without an element, and an empty parent, change nothing.
   */
  public LastmileException under(String parent) {
    if (element == null || parent.isEmpty()) {
      return this;
    }
    boolean joined = element.isEmpty() || element.startsWith("[");
    return sameWith(joined ? parent + element : parent + "." + element, place);
  }

  /** The same failure at a place in the user's files. */
  public LastmileException placed(String where) {
    return sameWith(element, where);
  }

  private LastmileException sameWith(@Nullable String newElement, @Nullable String newPlace) {
    LastmileException same = new LastmileException(kind, text(), newElement, newPlace, getCause());
    same.setStackTrace(getStackTrace());
    return same;
  }

  public FailureKind kind() {
    return kind;
  }

  /** The element of the experiment at fault, or null when there is no single one. */
  public @Nullable String element() {
    return element;
  }

  /** Where the user finds what is at fault, such as {@code experiment.yaml:12}; null: unknown. */
  public @Nullable String place() {
    return place;
  }

  /** The message, never null. */
  public String text() {
    String message = getMessage();
    return message == null ? kind.word() : message;
  }

  /** What the user reads, the element standing for a place that is not known. */
  public String line() {
    return line(Function.identity());
  }

  /**
   * What the user reads: {@code error: <message> [<place>]}, always one line; without the brackets
   * when there is neither place nor element.
   *
   * @param places gives the place of an element; asked only when this failure has an element and no
   *     place
   */
  public String line(Function<String, String> places) {
    String where = place;
    if (where == null) {
      where = element == null ? "" : places.apply(element);
    }
    String message = text().strip().replaceAll("\\s*\\R\\s*", " ");
    return "error: " + message + (where.isEmpty() ? "" : " [" + where + "]");
  }
}
