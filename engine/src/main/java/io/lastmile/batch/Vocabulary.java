package io.lastmile.batch;

import io.lastmile.query.XXH64;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Words and their ids: the numbers of their lines, from 1. Immutable; any thread. */
public final class Vocabulary {
  private static final int UNKNOWN = 0;
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

  private final MemorySegment text;
  private final int[] starts;
  private final int[] ends;

  /** A hash table with open addressing, at most half full: ids and the codes of their words. */
  private final int[] ids;

  private final long[] codes;

  private Vocabulary(byte[] bytes, int lines) {
    text = Arena.ofAuto().allocate(bytes.length);
    MemorySegment.copy(bytes, 0, text, ValueLayout.JAVA_BYTE, 0, bytes.length);
    starts = new int[lines + 1];
    ends = new int[lines + 1];
    int slots = Integer.highestOneBit(lines) * 4;
    ids = new int[slots];
    codes = new long[slots];
  }

  /**
   * The vocabulary of a text: UTF-8, one word a line, lines ended by LF or CR LF.
   *
   * @throws IllegalArgumentException that names the line that is empty, not UTF-8, or there twice
   */
  public static Vocabulary of(byte[] bytes) {
    if (bytes.length == 0) {
      throw new IllegalArgumentException("it has no word");
    }
    Vocabulary vocabulary = new Vocabulary(bytes, lines(bytes));
    int start = 0;
    for (int line = 1; start < bytes.length; line++) {
      int end = endOfLine(bytes, start);
      int word = end > start && bytes[end - 1] == '\r' ? end - 1 : end;
      vocabulary.add(line, start, word);
      start = end + 1;
    }
    return vocabulary;
  }

  private static int lines(byte[] bytes) {
    int lines = 0;
    for (int start = 0; start < bytes.length; start = endOfLine(bytes, start) + 1) {
      lines++;
    }
    return lines;
  }

  private static int endOfLine(byte[] bytes, int start) {
    int end = start;
    while (end < bytes.length && bytes[end] != '\n') {
      end++;
    }
    return end;
  }

  private void add(int line, int start, int end) {
    String word = word(line, start, end);
    long address = text.address() + start;
    long code = XXH64.hash(address, end - start, 0);
    int slot = slot(code, address, end - start);
    if (ids[slot] != UNKNOWN) {
      throw new IllegalArgumentException(
          "line " + line + " has \"" + word + "\", which is on line " + ids[slot] + " too");
    }
    ids[slot] = line;
    codes[slot] = code;
    starts[line] = start;
    ends[line] = end;
  }

  private String word(int line, int start, int end) {
    byte[] bytes = text.asSlice(start, end - start).toArray(ValueLayout.JAVA_BYTE);
    if (bytes.length == 0) {
      throw new IllegalArgumentException("line " + line + " is empty (must be one word a line)");
    }
    if (line == 1
        && MemorySegment.ofArray(bytes).mismatch(MemorySegment.ofArray(BYTE_ORDER_MARK)) > 2) {
      throw new IllegalArgumentException(
          "line 1 begins with a byte order mark (must be plain UTF-8)");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException _) {
      throw new IllegalArgumentException("line " + line + " is not UTF-8");
    }
  }

  /** The slot of a word, or the free one where it would be. */
  private int slot(long code, long address, int length) {
    int slot = (int) code & ids.length - 1;
    while (ids[slot] != UNKNOWN && !(codes[slot] == code && same(ids[slot], address, length))) {
      slot = slot + 1 & ids.length - 1;
    }
    return slot;
  }

  private boolean same(int id, long address, int length) {
    return ends[id] - starts[id] == length
        && MemorySegment.mismatch(Memory.ALL, address, address + length, text, starts[id], ends[id])
            == -1;
  }

  /** The id of the word with these UTF-8 bytes; 0: it is none. */
  int id(long address, int length) {
    return ids[slot(XXH64.hash(address, length, 0), address, length)];
  }
}
