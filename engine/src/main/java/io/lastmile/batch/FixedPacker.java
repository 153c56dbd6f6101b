package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** Lists of one length: [rows, width]. A null list is filled in every place. */
record FixedPacker(Layout.Place place) implements FormPacker {
  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int column = form.results().getFirst();
    int width = form.width();
    int bytes = form.dtype().bytes();
    long mask = vectors.validity(column);
    long values = vectors.childData(column);
    long valueMask = vectors.childValidity(column);
    for (int i = 0; i < count; i++) {
      int at = first + i;
      long target = to.address() + place.offset() + (long) (row + i) * form.rowBytes();
      if (!Memory.valid(mask, at)) {
        long value = Nulls.value(form, 0, at);
        for (int j = 0; j < width; j++) {
          Memory.put(target + (long) j * bytes, bytes, value);
        }
        continue;
      }
      long offset = offset(vectors, column, at);
      Memory.copy(values + offset * bytes, target, form.rowBytes());
      if (valueMask != 0) {
        Nulls.fillValues(form, valueMask, offset, width, target, value -> at);
      }
    }
  }

  private long offset(Vectors vectors, int column, int row) {
    int width = place.form().width();
    if (place.form().nesting() == TensorForm.Nesting.ARRAY) {
      return (long) row * width;
    }
    long length = Entries.length(vectors, column, row);
    if (length != width) {
      throw InvalidValueException.ofLength(place.form(), length, row);
    }
    return Entries.offset(vectors, column, row);
  }
}
