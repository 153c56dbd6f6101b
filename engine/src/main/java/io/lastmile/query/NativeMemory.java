package io.lastmile.query;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The process's own memory, read at addresses that native code gave. */
final class NativeMemory {
  /** All of it: an access at a wrong address ends the process. */
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private NativeMemory() {}

  /** The C string at an address, null at 0. */
  static @Nullable String string(long address) {
    return address == 0 ? null : ALL.getString(address);
  }

  /** The C string at an address, a fixed text at 0. */
  static String message(long address) {
    return address == 0 ? "The engine gave no reason" : ALL.getString(address);
  }

  /** Whether bit {@code row} of a validity mask is set; 0 as the mask's address means all are. */
  static boolean valid(long validity, long row) {
    return validity == 0
        || (ALL.get(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED, validity + (row >> 6) * 8)
                & (1L << row))
            != 0;
  }
}
