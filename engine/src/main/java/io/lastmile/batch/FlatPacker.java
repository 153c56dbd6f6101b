package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** One value per row, copied as it is. */
record FlatPacker(Layout.Place place) implements FormPacker {
  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int bytes = form.dtype().bytes();
    int column = form.results().getFirst();
    long target = to.address() + place.offset() + (long) row * bytes;
    Memory.copy(vectors.data(column) + (long) first * bytes, target, (long) count * bytes);
    long mask = vectors.validity(column);
    if (mask != 0) {
      Nulls.fill(form, 0, mask, first, count, target, bytes);
    }
  }
}
