package io.lastmile.batch;

import java.util.function.LongToIntFunction;

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

  /**
   * Overwrites the nulls among list values that have been copied; {@code rowOf} tells the row of a
   * value by its index.
   */
  static void fillValues(
      TensorForm form,
      long mask,
      long firstValue,
      long count,
      long target,
      LongToIntFunction rowOf) {
    int bytes = form.dtype().bytes();
    for (long i = 0; i < count; i++) {
      if (!Memory.valid(mask, firstValue + i)) {
        Memory.put(target + i * bytes, bytes, value(form, 0, rowOf.applyAsInt(firstValue + i)));
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
