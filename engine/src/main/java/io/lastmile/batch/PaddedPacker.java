package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** Lists of any length as a matrix: [rows, width], values at the left, pads behind them. */
record PaddedPacker(Layout.Place place) implements FormPacker {
  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int bytes = form.dtype().bytes();
    for (int i = 0; i < count; i++) {
      int at = first + i;
      long target = to.address() + place.offset() + (long) (row + i) * form.rowBytes();
      long length = Entries.length(vectors, form, at);
      if (length > 0) {
        VectorValues.ofLists(form, vectors, value -> at)
            .write(Entries.start(vectors, form, at), length, target, bytes);
      }
      for (long j = length; j < form.width(); j++) {
        Memory.put(target + j * bytes, bytes, form.padBits());
      }
    }
  }
}
