package io.lastmile.source;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads Thrift's compact protocol
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md) as far as
 * Parquet footers need it. Damaged bytes end in a RuntimeException. One thread.
 */
final class CompactReader {
  /** The field id at the end of a struct: real ids are positive. */
  static final int END = 0;

  static final int TRUE = 1;
  static final int FALSE = 2;
  static final int BYTE = 3;
  static final int I16 = 4;
  static final int I32 = 5;
  static final int I64 = 6;
  static final int DOUBLE = 7;
  static final int BINARY = 8;
  static final int LIST = 9;
  static final int SET = 10;
  static final int MAP = 11;
  static final int STRUCT = 12;
  private static final int UUID = 13;
  private static final int MAX_DEPTH = 32;

  private final byte[] bytes;
  private int at;
  private int type;

  CompactReader(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Where the next byte is read. */
  int position() {
    return at;
  }

  /** Reads on at a position. */
  void goTo(int position) {
    at = position;
  }

  /** The bytes read since a position, a char for each. */
  String since(int begin) {
    return new String(bytes, begin, at - begin, StandardCharsets.ISO_8859_1);
  }

  /** Passes over bytes, a char for each, if they come next; says whether they do. */
  boolean passes(String expected) {
    int end = at + expected.length();
    if (end > bytes.length
        || !new String(bytes, at, expected.length(), StandardCharsets.ISO_8859_1)
            .equals(expected)) {
      return false;
    }
    at = end;
    return true;
  }

  /**
   * Reads the header of the next field of a struct.
   *
   * @param last the id of the field before it, 0 for the first
   * @return its id, or {@link #END}
   */
  int field(int last) {
    int header = bytes[at++] & 0xFF;
    type = header & 0x0F;
    if (header == 0) {
      return END;
    }
    int delta = header >>> 4;
    int id = delta == 0 ? (int) integer() : last + delta;
    if (id <= 0) {
      throw new IllegalArgumentException("field " + id);
    }
    return id;
  }

  /** Reads an integer value. */
  long integer() {
    long value = varint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Reads a string. */
  String string() {
    int length = length();
    String text = new String(bytes, at, length, StandardCharsets.UTF_8);
    at += length;
    return text;
  }

  /** Reads bytes. */
  byte[] binary() {
    int length = length();
    at += length;
    return Arrays.copyOfRange(bytes, at - length, at);
  }

  /** The value of the field that was read last, a boolean. */
  boolean flag() {
    return type == TRUE;
  }

  /** Reads the header of a list: its size. Its elements follow. */
  int list() {
    int header = bytes[at++] & 0xFF;
    type = header & 0x0F;
    int size = header >>> 4;
    return size == 15 ? Math.toIntExact(varint()) : size;
  }

  /** The kind of the field, or of the elements of the list, whose header was read last. */
  int type() {
    return type;
  }

  /** Reads so many bytes as they are. */
  byte[] raw(int count) {
    at += count;
    return Arrays.copyOfRange(bytes, at - count, at);
  }

  /** Passes over the value of the field that was read last. */
  void skip() {
    skip(type, 0);
  }

  /** Passes over a struct that begins here. */
  void skipStruct() {
    skipStruct(0);
  }

  private void skip(int kind, int depth) {
    if (depth > MAX_DEPTH) {
      throw new IllegalArgumentException("nesting");
    }
    switch (kind) {
      case TRUE, FALSE -> {}
      case BYTE -> at++;
      case I16, I32, I64 -> varint();
      case DOUBLE -> at += 8;
      case UUID -> at += 16;
      case BINARY -> {
        int length = length();
        at += length;
      }
      case LIST, SET -> skipList(depth);
      case MAP -> skipMap(depth);
      case STRUCT -> skipStruct(depth);
      default -> throw new IllegalArgumentException("type " + kind);
    }
  }

  private void skipList(int depth) {
    int size = list();
    int element = type;
    for (int i = 0; i < size; i++) {
      skipElement(element, depth);
    }
  }

  private void skipMap(int depth) {
    int size = Math.toIntExact(varint());
    int types = size == 0 ? 0 : bytes[at++] & 0xFF;
    for (int i = 0; i < size; i++) {
      skipElement(types >>> 4, depth);
      skipElement(types & 0x0F, depth);
    }
  }

  /** Inside a list a boolean is a byte of its own; as a field it lies in the header. */
  private void skipElement(int element, int depth) {
    skip(element == TRUE || element == FALSE ? BYTE : element, depth + 1);
  }

  private void skipStruct(int depth) {
    for (int id = field(0); id != END; id = field(id)) {
      skip(type, depth + 1);
    }
  }

  private int length() {
    long length = varint();
    if (length < 0 || length > bytes.length - at) {
      throw new IllegalArgumentException("length " + length);
    }
    return (int) length;
  }

  private long varint() {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      byte next = bytes[at++];
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw new IllegalArgumentException("varint");
  }
}
