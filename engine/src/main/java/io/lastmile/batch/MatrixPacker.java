package io.lastmile.batch;

import io.lastmile.query.Vectors;

/**
 * Columns of one dtype side by side: [rows, width] in C order, transposed in blocks of rows that
 * stay in the cache. A single column is packed in one go.
 */
record MatrixPacker(Layout.Place place) implements FormPacker {
  private static final int BLOCK = 64;

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int bytes = form.dtype().bytes();
    int width = form.width();
    long stride = (long) width * bytes;
    int block = width == 1 ? count : BLOCK;
    for (int from = 0; from < count; from += block) {
      int rows = Math.min(block, count - from);
      long target = to.address() + place.offset() + (row + from) * stride;
      for (int j = 0; j < width; j++) {
        VectorValues.flat(form, j, vectors)
            .write(first + from, rows, target + (long) j * bytes, stride);
      }
    }
  }
}
