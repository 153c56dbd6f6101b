package io.lastmile.batch;

import io.lastmile.query.XXH64;

/**
 * The hash of the values that a row is delivered with: of each tensor, mask and key in the order of
 * the batch, the bytes of the row as they lie in it, hashed by XXH64 whose seed is the hash so far.
 * It does not depend on the batch that the row is in.
 */
public final class ValueHash {
  private ValueHash() {}

  /**
   * The hash of a row; the keys of a tensor must not have been brought together.
   *
   * @param rows with their unknown words settled
   * @param row of them
   * @param seed the hash that it begins with
   */
  public static long of(PackedRows rows, int row, long seed) {
    long hash = seed;
    for (Layout.Place place : rows.layout().places()) {
      hash =
          switch (place.form().role()) {
            case TENSOR, MASK, KEY -> of(rows.address(), place, row, hash);
            case COPY, IDENTITY -> hash;
          };
    }
    return hash;
  }

  private static long of(long address, Layout.Place place, int row, long seed) {
    long bytes = place.form().rowBytes();
    long first = row * bytes;
    if (place.length() >= 0) {
      long offsets = address + place.offsets() + 8L * row;
      int width = place.form().dtype().bytes();
      first = Memory.longAt(offsets) * width;
      bytes = Memory.longAt(offsets + 8) * width - first;
    }
    return XXH64.hash(address + place.offset() + first, bytes, seed);
  }
}
