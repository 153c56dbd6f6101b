package io.lastmile.batch;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Memory by absolute address. The callers have checked every bound: the vectors of a query and our
 * own layouts state their sizes.
 */
final class Memory {
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Memory() {}

  static void copy(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }

  static void fill(long at, long bytes, byte value) {
    ALL.asSlice(at, bytes).fill(value);
  }

  static byte byteAt(long at) {
    return ALL.get(JAVA_BYTE, at);
  }

  static short shortAt(long at) {
    return ALL.get(JAVA_SHORT_UNALIGNED, at);
  }

  static int intAt(long at) {
    return ALL.get(JAVA_INT_UNALIGNED, at);
  }

  static long longAt(long at) {
    return ALL.get(JAVA_LONG_UNALIGNED, at);
  }

  static float floatAt(long at) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, at);
  }

  static void putInt(long at, int value) {
    ALL.set(JAVA_INT_UNALIGNED, at, value);
  }

  static void putLong(long at, long value) {
    ALL.set(JAVA_LONG_UNALIGNED, at, value);
  }

  /** Writes the low bytes of a value. */
  static void put(long at, int bytes, long value) {
    switch (bytes) {
      case 1 -> ALL.set(JAVA_BYTE, at, (byte) value);
      case 2 -> ALL.set(JAVA_SHORT_UNALIGNED, at, (short) value);
      case 4 -> ALL.set(JAVA_INT_UNALIGNED, at, (int) value);
      default -> ALL.set(JAVA_LONG_UNALIGNED, at, value);
    }
  }

  /** Copies one value of 1, 2, 4 or 8 bytes. */
  static void move(long from, long to, int bytes) {
    switch (bytes) {
      case 1 -> ALL.set(JAVA_BYTE, to, ALL.get(JAVA_BYTE, from));
      case 2 -> ALL.set(JAVA_SHORT_UNALIGNED, to, ALL.get(JAVA_SHORT_UNALIGNED, from));
      case 4 -> ALL.set(JAVA_INT_UNALIGNED, to, ALL.get(JAVA_INT_UNALIGNED, from));
      case 8 -> ALL.set(JAVA_LONG_UNALIGNED, to, ALL.get(JAVA_LONG_UNALIGNED, from));
      default -> copy(from, to, bytes);
    }
  }

  /** Whether a bit of a validity mask says that the row has a value; mask 0 means that all have. */
  static boolean valid(long mask, long row) {
    return mask == 0 || (ALL.get(JAVA_BYTE, mask + (row >> 3)) >> (row & 7) & 1) != 0;
  }
}
