package io.lastmile.batch;

import io.lastmile.dataset.Tensor;
import io.lastmile.query.Vectors;
import java.util.Objects;

/** Strings as ids, one or more columns of them: [rows] or [rows, width]. */
record HashPacker(Layout.Place place) implements FormPacker {
  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    Tensor.Hash hash = Objects.requireNonNull(form.hash());
    int bytes = form.dtype().bytes();
    long stride = form.rowBytes();
    for (int j = 0; j < form.width(); j++) {
      int column = form.results().get(j);
      long mask = vectors.validity(column);
      long strings = vectors.data(column);
      long target = to.address() + place.offset() + row * stride + (long) j * bytes;
      for (int i = 0; i < count; i++) {
        boolean valid = Memory.valid(mask, first + i);
        long id =
            valid
                ? Text.id(strings + (long) Text.BYTES * (first + i), hash)
                : Nulls.value(form, j, first + i);
        Memory.put(target + i * stride, bytes, id);
      }
    }
  }
}
