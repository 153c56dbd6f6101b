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
    for (int i = 0; i < count; i++) {
      int at = first + i;
      long target = to.address() + place.offset() + (long) (row + i) * form.rowBytes();
      if (Memory.valid(mask, at)) {
        VectorValues.ofLists(form, vectors, value -> at)
            .write(offset(vectors, column, at), width, target, bytes);
      } else {
        fill(target, at);
      }
    }
  }

  private void fill(long target, int row) {
    TensorForm form = place.form();
    Long bits = form.fillBits();
    if (bits == null) {
      throw InvalidValueException.ofNull(form, 0, row);
    }
    int bytes = form.dtype().bytes();
    for (int j = 0; j < form.width(); j++) {
      Memory.put(target + (long) j * bytes, bytes, bits);
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
