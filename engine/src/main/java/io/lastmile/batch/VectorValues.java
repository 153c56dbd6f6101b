package io.lastmile.batch;

import io.lastmile.query.Vectors;
import java.util.function.LongToIntFunction;

/**
 * The values of one column of the query on their way into a tensor.
 *
 * @param form of the tensor
 * @param column of the form
 * @param data of the vector
 * @param mask which values are there; 0: all
 * @param rows the row of a value by its index, asked when one is invalid
 */
record VectorValues(TensorForm form, int column, long data, long mask, LongToIntFunction rows) {
  /** One value per row. */
  static VectorValues flat(TensorForm form, int column, Vectors vectors) {
    int result = form.results().get(column);
    return new VectorValues(
        form, column, vectors.data(result), vectors.validity(result), value -> (int) value);
  }

  /** The values of lists. */
  static VectorValues ofLists(TensorForm form, Vectors vectors, LongToIntFunction rows) {
    int result = form.results().getFirst();
    return new VectorValues(
        form, 0, vectors.childData(result), vectors.childValidity(result), rows);
  }

  /**
   * Writes values [first, first + count), nulls filled; value first + i goes to {@code target + i *
   * stride}.
   *
   * @throws InvalidValueException for a value that the tensor cannot hold, or a null without fill
   */
  void write(long first, long count, long target, long stride) {
    long invalid = form.conversion().convert(data, mask, first, count, target, stride);
    if (invalid != Conversion.ALL) {
      throw InvalidValueException.beyond(
          form, column, Memory.floatAt(data + Float.BYTES * invalid), rows.applyAsInt(invalid));
    }
    if (mask != 0) {
      fill(first, count, target, stride);
    }
  }

  private void fill(long first, long count, long target, long stride) {
    int bytes = form.dtype().bytes();
    for (long i = 0; i < count; i++) {
      if (!Memory.valid(mask, first + i)) {
        Long bits = form.fillBits();
        if (bits == null) {
          throw InvalidValueException.ofNull(form, column, rows.applyAsInt(first + i));
        }
        Memory.put(target + i * stride, bytes, bits);
      }
    }
  }
}
