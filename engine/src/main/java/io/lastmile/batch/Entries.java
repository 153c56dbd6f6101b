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

  /** Values that stay of a list; 0 of a null list. */
  static long length(Vectors vectors, TensorForm form, int row) {
    int column = form.results().getFirst();
    boolean valid = Memory.valid(vectors.validity(column), row);
    return valid ? Math.min(length(vectors, column, row), form.cut().most()) : 0;
  }

  /** Index of the first value that stays of a list that is there. */
  static long start(Vectors vectors, TensorForm form, int row) {
    int column = form.results().getFirst();
    long cut =
        switch (form.cut().kept()) {
          case FIRST -> 0;
          case LAST -> length(vectors, column, row) - length(vectors, form, row);
        };
    return offset(vectors, column, row) + cut;
  }
}
