package io.lastmile.batch;

/**
 * The engine's strings: 16 bytes each, int32 length, then the bytes themselves when there are at
 * most 12, else their address in the last 8.
 */
final class Text {
  static final int BYTES = 16;
  private static final int INLINE = 12;

  private Text() {}

  static int length(long string) {
    return Memory.intAt(string);
  }

  /** Address of the UTF-8 bytes. */
  static long bytes(long string) {
    return length(string) <= INLINE ? string + 4 : Memory.longAt(string + 8);
  }
}
