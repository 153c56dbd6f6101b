package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * The keys of a small table's rows, found by their bytes. Filled by one thread, then read by any.
 * Open addressing: a slot holds a row's number + 1, or 0.
 */
final class KeyIndex implements AutoCloseable {
  private static final int LEAST_SLOTS = 1024;

  private final GrowingMemory hashes = new GrowingMemory();
  private final GrowingMemory begins = new GrowingMemory();
  private final GrowingMemory keys = new GrowingMemory();
  private GrowingMemory slots = slots(LEAST_SLOTS);
  private int mask = LEAST_SLOTS - 1;
  private int rows;

  private static GrowingMemory slots(int count) {
    GrowingMemory memory = new GrowingMemory();
    long bytes = 4L * count;
    MemorySegment.ofAddress(memory.add(bytes)).reinterpret(bytes).fill((byte) 0);
    return memory;
  }

  long bytes() {
    return hashes.size() + begins.size() + keys.size() + slots.size();
  }

  int rows() {
    return rows;
  }

  /** The row with these keys, -1 when there is none. */
  int find(KeyBytes bytes) {
    long hash = bytes.hash(0);
    for (int slot = (int) hash & mask; ; slot = (slot + 1) & mask) {
      int row = at(slot) - 1;
      if (row < 0 || isKey(row, hash, bytes)) {
        return row;
      }
    }
  }

  private int at(int slot) {
    return NativeMemory.ALL.get(JAVA_INT_UNALIGNED, slots.address() + 4L * slot);
  }

  private boolean isKey(int row, long hash, KeyBytes bytes) {
    if (NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, hashes.address() + 8L * row) != hash) {
      return false;
    }
    long begin = begin(row);
    long end = row + 1 < rows ? begin(row + 1) : keys.size();
    return bytes.isAt(keys.address() + begin, end - begin);
  }

  private long begin(int row) {
    return NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, begins.address() + 8L * row);
  }

  /** Adds a row with new keys; its number is the count of rows before it. */
  void add(KeyBytes bytes) {
    if (rows >= mask / 2) {
      grow();
    }
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, hashes.add(8), bytes.hash(0));
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, begins.add(8), keys.size());
    bytes.copy(keys);
    put(rows++);
  }

  private void put(int row) {
    long hash = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, hashes.address() + 8L * row);
    int slot = (int) hash & mask;
    while (at(slot) != 0) {
      slot = (slot + 1) & mask;
    }
    NativeMemory.ALL.set(JAVA_INT_UNALIGNED, slots.address() + 4L * slot, row + 1);
  }

  private void grow() {
    GrowingMemory before = slots;
    mask = Math.multiplyExact(mask + 1, 2) - 1;
    slots = slots(mask + 1);
    before.close();
    for (int row = 0; row < rows; row++) {
      put(row);
    }
  }

  @Override
  public void close() {
    hashes.close();
    begins.close();
    keys.close();
    slots.close();
  }
}
