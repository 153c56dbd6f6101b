package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

/**
 * Key columns of some rows, and the bytes they become, little-endian:
 *
 * <ul>
 *   <li>integers, dates (days) and timestamps (microseconds) as 0x01 and an int64; a UBIGINT by its
 *       bits; timestamps of other units in microseconds, rounded down
 *   <li>strings and bytes as 0x02, an int32 length and the bytes
 *   <li>BOOLEAN as 0x03 and one byte
 *   <li>null as 0x00
 * </ul>
 */
final class KeyColumns {
  private final int[] types;
  private final long[] data;
  private final long[] validity;

  private KeyColumns(int[] types, long[] data, long[] validity) {
    this.types = types;
    this.data = data;
    this.validity = validity;
  }

  /** The vectors of a call from one of them on. */
  static KeyColumns of(long vectors, int first, int count) {
    int[] types = new int[count];
    long[] data = new long[count];
    long[] validity = new long[count];
    for (int i = 0; i < count; i++) {
      long vector = DuckDb.call(DuckDb.CHUNK_VECTOR, vectors, first + i);
      types[i] = LogicalTypes.ofVector(vector);
      data[i] = DuckDb.call(DuckDb.VECTOR_DATA, vector);
      validity[i] = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
    }
    return new KeyColumns(types, data, validity);
  }

  /** Whether a type has such bytes. */
  static boolean isKey(int type) {
    return switch (type) {
      case LogicalTypes.TINYINT,
          LogicalTypes.SMALLINT,
          LogicalTypes.INTEGER,
          LogicalTypes.BIGINT,
          LogicalTypes.UTINYINT,
          LogicalTypes.USMALLINT,
          LogicalTypes.UINTEGER,
          LogicalTypes.UBIGINT,
          LogicalTypes.DATE,
          LogicalTypes.TIMESTAMP,
          LogicalTypes.TIMESTAMP_S,
          LogicalTypes.TIMESTAMP_MS,
          LogicalTypes.TIMESTAMP_NS,
          LogicalTypes.TIMESTAMP_TZ,
          LogicalTypes.TIMESTAMP_TZ_NS,
          LogicalTypes.VARCHAR,
          LogicalTypes.BLOB,
          LogicalTypes.BOOLEAN,
          LogicalTypes.NULL ->
          true;
      default -> false;
    };
  }

  /** The address of a column's values. */
  long data(int column) {
    return data[column];
  }

  /** Whether a column has no value in a row. */
  boolean isNull(int column, int row) {
    return types[column] == LogicalTypes.NULL || !NativeMemory.valid(validity[column], row);
  }

  /** Whether one of the keys of a row is null. */
  boolean hasNull(int row) {
    for (int i = 0; i < types.length; i++) {
      if (isNull(i, row)) {
        return true;
      }
    }
    return false;
  }

  /** Adds the keys of a row. */
  void append(KeyBytes bytes, int row) {
    for (int i = 0; i < types.length; i++) {
      append(bytes, i, row);
    }
  }

  private void append(KeyBytes bytes, int i, int row) {
    if (isNull(i, row)) {
      bytes.tag(0);
      return;
    }
    switch (types[i]) {
      case LogicalTypes.VARCHAR, LogicalTypes.BLOB -> bytes.text(data[i] + row * 16L);
      case LogicalTypes.BOOLEAN ->
          bytes.flag(NativeMemory.ALL.get(JAVA_BYTE, data[i] + row) == 0 ? 0 : 1);
      default -> bytes.integer(integer(types[i], data[i], row));
    }
  }

  private static long integer(int type, long data, int row) {
    return switch (type) {
      case LogicalTypes.TINYINT -> NativeMemory.ALL.get(JAVA_BYTE, data + row);
      case LogicalTypes.UTINYINT -> NativeMemory.ALL.get(JAVA_BYTE, data + row) & 0xFFL;
      case LogicalTypes.SMALLINT -> NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2L);
      case LogicalTypes.USMALLINT ->
          NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2L) & 0xFFFFL;
      case LogicalTypes.INTEGER, LogicalTypes.DATE ->
          NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4L);
      case LogicalTypes.UINTEGER ->
          NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4L) & 0xFFFFFFFFL;
      default -> microseconds(type, NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 8L));
    };
  }

  private static long microseconds(int type, long value) {
    return switch (type) {
      case LogicalTypes.TIMESTAMP_S -> value * 1_000_000;
      case LogicalTypes.TIMESTAMP_MS -> value * 1_000;
      case LogicalTypes.TIMESTAMP_NS, LogicalTypes.TIMESTAMP_TZ_NS -> Math.floorDiv(value, 1_000L);
      default -> value;
    };
  }
}
