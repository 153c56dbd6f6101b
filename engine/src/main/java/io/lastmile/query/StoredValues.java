package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.lastmile.query.ColumnType.Kind;
import java.lang.foreign.MemorySegment;

/**
 * Scalars in memory of our own, in the engine's form, each found by its number. Filled by one
 * thread, then sealed and read by any.
 */
final class StoredValues implements AutoCloseable {
  private static final int STRING = 16;
  private static final int INLINE = 12;

  private final int width;
  private final boolean text;
  private final GrowingMemory data = new GrowingMemory();
  private final GrowingMemory valid = new GrowingMemory();
  private final GrowingMemory heap = new GrowingMemory();

  /**
   * No values yet.
   *
   * @param width of a value, in bytes
   * @param text whether they are strings or bytes
   */
  StoredValues(int width, boolean text) {
    this.width = width;
    this.text = text;
  }

  /** Bytes of a value of a type in the engine's memory; a DECIMAL's hang on its digits. */
  static int width(Kind kind) {
    return switch (kind) {
      case BOOLEAN, TINYINT, UTINYINT -> 1;
      case SMALLINT, USMALLINT -> 2;
      case INTEGER, UINTEGER, FLOAT, DATE -> 4;
      case BIGINT,
          UBIGINT,
          DOUBLE,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS,
          TIME ->
          8;
      case HUGEINT, VARCHAR, BLOB -> STRING;
      case DECIMAL -> throw new IllegalArgumentException(kind.sql());
    };
  }

  long bytes() {
    return data.size() + valid.size() + heap.size();
  }

  long count() {
    return valid.size();
  }

  /** Adds the values [first, first + count) of a vector. */
  void add(long values, long validity, long first, long count) {
    long flags = valid.add(count);
    for (long i = 0; i < count; i++) {
      boolean there = NativeMemory.valid(validity, first + i);
      NativeMemory.ALL.set(JAVA_BYTE, flags + i, (byte) (there ? 1 : 0));
    }
    if (!text) {
      data.append(values + first * width, count * width);
      return;
    }
    for (long i = 0; i < count; i++) {
      if (NativeMemory.ALL.get(JAVA_BYTE, valid.address() + valid.size() - count + i) == 0) {
        MemorySegment.ofAddress(data.add(STRING)).reinterpret(STRING).fill((byte) 0);
      } else {
        addText(values + (first + i) * STRING);
      }
    }
  }

  /** A long text's address is its offset until the values are sealed. */
  private void addText(long string) {
    int length = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, string);
    data.append(string, STRING);
    if (length > INLINE) {
      long from = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, string + 8);
      NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, data.address() + data.size() - 8, heap.size());
      heap.append(from, length);
    }
  }

  /** No more values come. */
  void seal() {
    if (!text) {
      return;
    }
    for (long at = data.address(); at < data.address() + data.size(); at += STRING) {
      if (NativeMemory.ALL.get(JAVA_INT_UNALIGNED, at) > INLINE) {
        long offset = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, at + 8);
        NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, at + 8, heap.address() + offset);
      }
    }
  }

  /** Whether a value is not null. */
  boolean isValid(long number) {
    return NativeMemory.ALL.get(JAVA_BYTE, valid.address() + number) != 0;
  }

  /** Writes some values, null or not, one after the other; texts stay where they are. */
  void copy(long number, long count, long to) {
    long from = data.address() + number * width;
    MemorySegment.copy(NativeMemory.ALL, from, NativeMemory.ALL, to, count * width);
  }

  int width() {
    return width;
  }

  @Override
  public void close() {
    data.close();
    valid.close();
    heap.close();
  }
}
