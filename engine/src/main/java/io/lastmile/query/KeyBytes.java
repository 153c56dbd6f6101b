package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The bytes that the sampling hash is made of, for one row after the other, in one buffer that
 * grows. One thread.
 */
final class KeyBytes {
  private static final ValueLayout.OfLong LONG =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private MemorySegment buffer = Arena.ofAuto().allocate(256);
  private long size;
  // What the bytes up to prefixSize were made of; the same for nearly every row.
  private long prefixSize;
  private long saltHead;
  private long saltTail;
  private boolean prefixHasEpoch;
  private long prefixEpoch;

  /** The next prefix is written anew: the memory of the last salt may hold another one now. */
  void forgetPrefix() {
    prefixSize = 0;
  }

  /** Starts a row: the salt (the address of an engine's string), the epoch, a zero byte. */
  void prefix(long salt, boolean hasEpoch, long epoch) {
    long head = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, salt);
    long tail = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, salt + 8);
    boolean same =
        prefixSize > 0
            && head == saltHead
            && tail == saltTail
            && hasEpoch == prefixHasEpoch
            && epoch == prefixEpoch;
    if (!same) {
      size = 0;
      append(salt);
      if (hasEpoch) {
        room(8);
        buffer.set(LONG, size, epoch);
        size += 8;
      }
      tag(0);
      prefixSize = size;
      saltHead = head;
      saltTail = tail;
      prefixHasEpoch = hasEpoch;
      prefixEpoch = epoch;
    }
    size = prefixSize;
  }

  /** Starts a row of keys alone. */
  void start() {
    size = 0;
    prefixSize = 0;
  }

  /** Whether the bytes of this row lie at an address. */
  boolean isAt(long address, long length) {
    return length == size
        && MemorySegment.mismatch(buffer, 0, size, NativeMemory.ALL, address, address + length) < 0;
  }

  /** Adds the bytes of this row to others. */
  void copy(GrowingMemory to) {
    to.append(buffer.address(), size);
  }

  /** Adds one byte. */
  void tag(int value) {
    room(1);
    buffer.set(JAVA_BYTE, size++, (byte) value);
  }

  /** Adds an integer, a date or a timestamp. */
  void integer(long value) {
    room(9);
    buffer.set(JAVA_BYTE, size, (byte) 1);
    buffer.set(LONG, size + 1, value);
    size += 9;
  }

  /** Adds a boolean, 0 or 1. */
  void flag(int value) {
    tag(3);
    tag(value);
  }

  /** Adds a string or bytes, given the address of an engine's string. */
  void text(long string) {
    room(5);
    buffer.set(JAVA_BYTE, size, (byte) 2);
    buffer.set(INT, size + 1, NativeMemory.ALL.get(JAVA_INT_UNALIGNED, string));
    size += 5;
    append(string);
  }

  /** The hash of all bytes of this row. */
  long hash(long seed) {
    return XXH64.hash(buffer, 0, size, seed);
  }

  private void append(long string) {
    int length = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, string);
    long from = length <= 12 ? string + 4 : NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, string + 8);
    room(length);
    MemorySegment.copy(NativeMemory.ALL, from, buffer, size, length);
    size += length;
  }

  private void room(long bytes) {
    if (size + bytes > buffer.byteSize()) {
      MemorySegment larger = Arena.ofAuto().allocate(Math.max(size + bytes, 2 * buffer.byteSize()));
      MemorySegment.copy(buffer, 0, larger, 0, size);
      buffer = larger;
    }
  }
}
