package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** The entries of a list vector: uint64 offset and uint64 length per row. */
final class Entries {
  private Entries() {}

  static long offset(Vectors vectors, int column, int row) {
    return Memory.longAt(vectors.entries(column) + 16L * row);
  }

  static long length(Vectors vectors, int column, int row) {
    return Memory.longAt(vectors.entries(column) + 16L * row + 8);
  }
}
