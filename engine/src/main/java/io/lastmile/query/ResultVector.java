package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/**
 * A vector that a function writes.
 *
 * @param address of the vector
 */
record ResultVector(long address) {
  /** Where its values lie. */
  long data() {
    return DuckDb.call(DuckDb.VECTOR_DATA, address);
  }

  /** The vector of the values inside lists, or inside arrays. */
  ResultVector child(boolean array) {
    return new ResultVector(DuckDb.call(array ? DuckDb.ARRAY_CHILD : DuckDb.LIST_CHILD, address));
  }

  /** Makes a value null. */
  void setNull(long row) {
    DuckDb.run(DuckDb.ENSURE_VALIDITY, address);
    long word = DuckDb.call(DuckDb.VECTOR_VALIDITY, address) + (row >> 6) * 8;
    long bits = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, word);
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, word, bits & ~(1L << row));
  }
}
