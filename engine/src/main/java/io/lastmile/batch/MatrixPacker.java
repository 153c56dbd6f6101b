package io.lastmile.batch;

import io.lastmile.query.Vectors;

/**
 * Columns of one dtype side by side: [rows, width] in C order, transposed in blocks of rows that
 * stay in the cache.
 */
record MatrixPacker(Layout.Place place) implements FormPacker {
  private static final int BLOCK = 64;

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    TensorForm form = place.form();
    int bytes = form.dtype().bytes();
    int width = form.width();
    long stride = (long) width * bytes;
    for (int from = 0; from < count; from += BLOCK) {
      int rows = Math.min(BLOCK, count - from);
      long target = to.address() + place.offset() + (row + from) * stride;
      for (int j = 0; j < width; j++) {
        int column = form.results().get(j);
        long source = vectors.data(column) + (long) (first + from) * bytes;
        scatter(source, target + (long) j * bytes, rows, bytes, stride);
        long mask = vectors.validity(column);
        if (mask != 0) {
          Nulls.fill(form, j, mask, first + from, rows, target + (long) j * bytes, stride);
        }
      }
    }
  }

  private static void scatter(long source, long target, int rows, int bytes, long stride) {
    switch (bytes) {
      case 4 -> {
        for (int i = 0; i < rows; i++) {
          Memory.putInt(target + i * stride, Memory.intAt(source + 4L * i));
        }
      }
      case 8 -> {
        for (int i = 0; i < rows; i++) {
          Memory.putLong(target + i * stride, Memory.longAt(source + 8L * i));
        }
      }
      default -> {
        for (int i = 0; i < rows; i++) {
          Memory.move(source + (long) bytes * i, target + i * stride, bytes);
        }
      }
    }
  }
}
