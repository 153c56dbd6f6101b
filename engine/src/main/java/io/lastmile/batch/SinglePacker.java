package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** One value per row as a list of one; a null is an empty list. */
record SinglePacker(Layout.Place place) implements FormPacker {
  @Override
  public long length(Vectors vectors, int row) {
    return Memory.valid(vectors.validity(place.form().results().getFirst()), row) ? 1 : 0;
  }

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    VectorValues values = VectorValues.flat(place.form(), 0, vectors);
    int bytes = place.form().dtype().bytes();
    long offsets = to.address() + place.offsets() + 8L * (row + 1);
    long end = to.length(place.length());
    int from = 0;
    for (int i = 0; i <= count; i++) {
      boolean valid = i < count && length(vectors, first + i) == 1;
      if (!valid) {
        values.write(first + from, i - from, to.address() + place.offset() + end * bytes, bytes);
        end += i - from;
        from = i + 1;
      }
      if (i < count) {
        Memory.putLong(offsets + 8L * i, valid ? end + i - from + 1 : end);
      }
    }
    to.lengthen(place.length(), end);
  }
}
