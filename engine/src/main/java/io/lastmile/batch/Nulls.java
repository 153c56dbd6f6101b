package io.lastmile.batch;

/** What becomes of nulls. */
final class Nulls {
  private Nulls() {}

  /**
   * Overwrites the nulls of a column that has been copied: value i lies at {@code target + i *
   * stride}.
   */
  static void fill(
      TensorForm form, int column, long mask, int first, int count, long target, long stride) {
    int bytes = form.dtype().bytes();
    for (int i = 0; i < count; i++) {
      if (!Memory.valid(mask, first + i)) {
        Memory.put(target + i * stride, bytes, value(form, column, first + i));
      }
    }
  }

  /** Overwrites the nulls among the values of a list that has been copied. */
  static void fillValues(
      TensorForm form, long mask, long firstValue, long count, long target, int row) {
    int bytes = form.dtype().bytes();
    for (long i = 0; i < count; i++) {
      if (!Memory.valid(mask, firstValue + i)) {
        Memory.put(target + i * bytes, bytes, value(form, 0, row));
      }
    }
  }

  /** The bits that replace a null. */
  static long value(TensorForm form, int column, int row) {
    Long bits = form.fillBits();
    if (bits == null) {
      throw InvalidValueException.ofNull(form, column, row);
    }
    return bits;
  }
}
