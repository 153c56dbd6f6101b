package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** Strings as UTF-8 bytes and offsets. */
record TextPacker(Layout.Place place) implements FormPacker {
  @Override
  public long length(Vectors vectors, int row) {
    int column = place.form().results().getFirst();
    return Memory.valid(vectors.validity(column), row)
        ? Text.length(vectors.data(column) + (long) Text.BYTES * row)
        : 0;
  }

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int column = form.results().getFirst();
    long mask = vectors.validity(column);
    long strings = vectors.data(column);
    long values = to.address() + place.offset();
    long offsets = to.address() + place.offsets() + 8L * (row + 1);
    long end = to.length(place.length());
    for (int i = 0; i < count; i++) {
      if (!Memory.valid(mask, first + i)) {
        throw InvalidValueException.ofNull(form, 0, first + i);
      }
      long string = strings + (long) Text.BYTES * (first + i);
      int length = Text.length(string);
      Memory.copy(Text.bytes(string), values + end, length);
      end += length;
      Memory.putLong(offsets + 8L * i, end);
    }
    to.lengthen(place.length(), end);
  }
}
