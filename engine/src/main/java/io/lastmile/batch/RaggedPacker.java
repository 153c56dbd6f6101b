package io.lastmile.batch;

import io.lastmile.query.Vectors;

/**
 * Lists of any length: values and offsets. A null list is an empty one. Neighbouring lists are
 * copied in one go.
 */
record RaggedPacker(Layout.Place place) implements FormPacker {
  @Override
  public long length(Vectors vectors, int row) {
    return Entries.length(vectors, place.form(), row);
  }

  @Override
  public void pack(Vectors vectors, int first, int count, PackedRows to, int row) {
    long end = to.length(place.length());
    long offsets = to.address() + place.offsets() + 8L * (row + 1);
    long runStart = 0;
    long runLength = 0;
    int runRow = first;
    for (int i = 0; i < count; i++) {
      long length = length(vectors, first + i);
      long start = length == 0 ? runStart + runLength : start(vectors, first + i);
      if (start != runStart + runLength) {
        end = write(vectors, runStart, runLength, to, end, runRow);
        runStart = start;
        runLength = 0;
        runRow = first + i;
      }
      runLength += length;
      Memory.putLong(offsets + 8L * i, end + runLength);
    }
    to.lengthen(place.length(), write(vectors, runStart, runLength, to, end, runRow));
  }

  /** Writes a run of values behind {@code end}, gives the new end. */
  private long write(Vectors vectors, long start, long length, PackedRows to, long end, int row) {
    int bytes = place.form().dtype().bytes();
    VectorValues.ofLists(place.form(), vectors, value -> rowOf(vectors, value, row))
        .write(start, length, to.address() + place.offset() + end * bytes, bytes);
    return end + length;
  }

  /** The row of a value that lies in the run which begins with row {@code first}. */
  private int rowOf(Vectors vectors, long value, int first) {
    int row = first;
    while (length(vectors, row) == 0 || value >= start(vectors, row) + length(vectors, row)) {
      row++;
    }
    return row;
  }

  private long start(Vectors vectors, int row) {
    return Entries.start(vectors, place.form(), row);
  }
}
