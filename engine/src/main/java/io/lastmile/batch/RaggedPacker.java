package io.lastmile.batch;

import io.lastmile.dataset.Tensor;
import io.lastmile.query.Vectors;
import org.jspecify.annotations.Nullable;

/**
 * Lists of any length: values and offsets. A null list is an empty one. Neighbouring lists are
 * copied in one go.
 */
record RaggedPacker(Layout.Place place) implements FormPacker {
  @Override
  public long length(Vectors vectors, int row) {
    int column = place.form().results().getFirst();
    boolean valid = Memory.valid(vectors.validity(column), row);
    return valid ? Math.min(Entries.length(vectors, column, row), place.form().maxLength()) : 0;
  }

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    int column = place.form().results().getFirst();
    long end = to.length(place.length());
    long offsets = to.address() + place.offsets() + 8L * (row + 1);
    long runStart = 0;
    long runLength = 0;
    int runRow = first;
    for (int i = 0; i < count; i++) {
      long length = length(vectors, first + i);
      long start = length == 0 ? runStart + runLength : Entries.offset(vectors, column, first + i);
      if (start != runStart + runLength) {
        end = write(vectors, runStart, runLength, to, end, runRow);
        runStart = start;
        runLength = 0;
        runRow = first + i;
      }
      runLength += length;
      Memory.putLong(offsets + 8L * i, end + runLength);
    }
    to.lengthen(place.length(), write(vectors, runStart, runLength, to, end, runRow));
  }

  /** Writes a run of values behind {@code end}, gives the new end. */
  private long write(Vectors vectors, long start, long length, PackedRows to, long end, int row) {
    TensorForm form = place.form();
    int column = form.results().getFirst();
    int bytes = form.dtype().bytes();
    long target = to.address() + place.offset() + end * bytes;
    long mask = vectors.childValidity(column);
    Tensor.@Nullable Hash hash = form.hash();
    if (hash == null) {
      Memory.copy(vectors.childData(column) + start * bytes, target, length * bytes);
      if (mask != 0) {
        Nulls.fillValues(form, mask, start, length, target, value -> rowOf(vectors, value, row));
      }
      return end + length;
    }
    long strings = vectors.childData(column);
    for (long i = 0; i < length; i++) {
      boolean valid = Memory.valid(mask, start + i);
      long id =
          valid
              ? Text.id(strings + Text.BYTES * (start + i), hash)
              : Nulls.value(form, 0, rowOf(vectors, start + i, row));
      Memory.put(target + i * bytes, bytes, id);
    }
    return end + length;
  }

  /** The row of a value that lies in the run which begins with row {@code first}. */
  private int rowOf(Vectors vectors, long value, int first) {
    int column = place.form().results().getFirst();
    int row = first;
    while (length(vectors, row) == 0
        || value >= Entries.offset(vectors, column, row) + length(vectors, row)) {
      row++;
    }
    return row;
  }
}
