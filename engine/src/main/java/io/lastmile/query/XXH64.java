package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The 64-bit xxHash (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md), the same on every
 * platform.
 */
public final class XXH64 {
  private static final long P1 = 0x9E3779B185EBCA87L;
  private static final long P2 = 0xC2B2AE3D27D4EB4FL;
  private static final long P3 = 0x165667B19E3779F9L;
  private static final long P4 = 0x85EBCA77C2B2AE63L;
  private static final long P5 = 0x27D4EB2F165667C5L;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private XXH64() {}

  /** The hash of all bytes. */
  public static long hash(byte[] bytes, long seed) {
    return hash(MemorySegment.ofArray(bytes), 0, bytes.length, seed);
  }

  /** The hash of {@code length} bytes of native memory. The caller answers for the address. */
  public static long hash(long address, long length, long seed) {
    return hash(NativeMemory.ALL, address, length, seed);
  }

  /** The hash of {@code length} bytes from {@code offset}. */
  public static long hash(MemorySegment bytes, long offset, long length, long seed) {
    long at = offset;
    long end = offset + length;
    long h;
    if (length >= 32) {
      long v1 = seed + P1 + P2;
      long v2 = seed + P2;
      long v3 = seed;
      long v4 = seed - P1;
      for (; at <= end - 32; at += 32) {
        v1 = round(v1, bytes.get(LONG, at));
        v2 = round(v2, bytes.get(LONG, at + 8));
        v3 = round(v3, bytes.get(LONG, at + 16));
        v4 = round(v4, bytes.get(LONG, at + 24));
      }
      h = rotate(v1, 1) + rotate(v2, 7) + rotate(v3, 12) + rotate(v4, 18);
      h = merge(merge(merge(merge(h, v1), v2), v3), v4);
    } else {
      h = seed + P5;
    }
    return avalanche(tail(bytes, at, end, h + length));
  }

  private static long tail(MemorySegment bytes, long start, long end, long hash) {
    long h = hash;
    long at = start;
    for (; at <= end - 8; at += 8) {
      h = rotate(h ^ round(0, bytes.get(LONG, at)), 27) * P1 + P4;
    }
    if (at <= end - 4) {
      h = rotate(h ^ (bytes.get(INT, at) & 0xFFFFFFFFL) * P1, 23) * P2 + P3;
      at += 4;
    }
    for (; at < end; at++) {
      h = rotate(h ^ (bytes.get(JAVA_BYTE, at) & 0xFFL) * P5, 11) * P1;
    }
    return h;
  }

  private static long round(long accumulator, long input) {
    return rotate(accumulator + input * P2, 31) * P1;
  }

  private static long merge(long hash, long accumulator) {
    return (hash ^ round(0, accumulator)) * P1 + P4;
  }

  private static long avalanche(long hash) {
    long h = (hash ^ (hash >>> 33)) * P2;
    h = (h ^ (h >>> 29)) * P3;
    return h ^ (h >>> 32);
  }

  private static long rotate(long value, int bits) {
    return Long.rotateLeft(value, bits);
  }

  /** A hash, as an unsigned integer, rounded to the nearest double, divided by 2^64. */
  public static double unit(long hash) {
    // The lowest bit stays set when any bit is lost, so that the rounding is to nearest even.
    double value = hash >= 0 ? (double) hash : (double) ((hash >>> 1) | (hash & 1)) * 2;
    return value * 0x1p-64;
  }
}
