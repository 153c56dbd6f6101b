package io.lastmile.query;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory that grows at its end while it is filled. Filled by one thread, read by any. */
final class GrowingMemory implements AutoCloseable {
  private static final long LEAST = 4096;

  private Arena arena = Arena.ofShared();
  private MemorySegment memory = arena.allocate(LEAST, 16);
  private long size;

  /** Bytes in use. */
  long size() {
    return size;
  }

  /** Where the memory begins, until it grows. */
  long address() {
    return memory.address();
  }

  /** Adds some bytes; gives their address, until it grows. */
  @SuppressWarnings("MustBeClosedChecker") // The arena is this object's, which closes it.
  long add(long bytes) {
    if (size + bytes > memory.byteSize()) {
      Arena larger = Arena.ofShared();
      MemorySegment copy = larger.allocate(Math.max(size + bytes, 2 * memory.byteSize()), 16);
      MemorySegment.copy(memory, 0, copy, 0, size);
      arena.close();
      arena = larger;
      memory = copy;
    }
    size += bytes;
    return memory.address() + size - bytes;
  }

  /** Adds a copy of bytes at an address. */
  void append(long from, long bytes) {
    long to = add(bytes);
    MemorySegment.copy(NativeMemory.ALL, from, NativeMemory.ALL, to, bytes);
  }

  @Override
  public void close() {
    arena.close();
  }
}
