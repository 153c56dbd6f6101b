package io.lastmile.error;

/**
 * Something cannot be done because of a mistake that {@link Mistakes} has kept already: nothing to
 * tell the user again. Never thrown where the first mistake ends everything.
 */
public final class FollowUpException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public FollowUpException() {
    super("follows from an earlier mistake", null, false, false);
  }
}
