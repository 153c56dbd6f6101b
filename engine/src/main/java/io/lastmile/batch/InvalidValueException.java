package io.lastmile.batch;

/**
 * A value that a tensor cannot hold. The catcher knows which file and row the row of the vectors
 * is.
 */
public final class InvalidValueException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int row;

  InvalidValueException(String message, int row) {
    super(message, null, false, false);
    this.row = row;
  }

  static InvalidValueException ofNull(TensorForm form, int column, int row) {
    String remedy =
        form.role() == TensorForm.Role.KEY
            ? "derive a column without nulls, with coalesce"
            : "give tensor \""
                + form.name()
                + "\" a fill"
                + (form.kind() == TensorForm.Kind.KEYED ? "" : ", or null: mask");
    return new InvalidValueException(
        "Null in column \"" + form.columns().get(column) + "\" (" + remedy + ")", row);
  }

  static InvalidValueException beyond(TensorForm form, int column, float value, int row) {
    return new InvalidValueException(
        "Value "
            + value
            + " in column \""
            + form.columns().get(column)
            + "\" is beyond "
            + form.dtype().word()
            + " (give tensor \""
            + form.name()
            + "\" dtype float32)",
        row);
  }

  static InvalidValueException ofLength(TensorForm form, long length, int row) {
    return new InvalidValueException(
        "List of length "
            + length
            + " in column \""
            + form.columns().getFirst()
            + "\" of fixed size "
            + form.width(),
        row);
  }

  /** The row in the vectors, from 0. */
  public int row() {
    return row;
  }
}
