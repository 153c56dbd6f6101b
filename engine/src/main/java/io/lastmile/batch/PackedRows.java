package io.lastmile.batch;

import io.lastmile.dataset.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Rows packed as tensors in one stretch of memory. Used by one thread at a time; does not own its
 * memory, its maker does.
 *
 * <p>The header of a slot (little-endian): int32 rows, int32 padded, int64 global_rows, int64
 * epoch, int64 step, int32 bytes of the position; then the int64 values of each ragged form, then
 * the position's JSON.
 */
public final class PackedRows {
  private final MemorySegment memory;
  private final Layout layout;
  private final long[] lengths;
  private int rows;

  /** Empty rows over memory of at least {@code layout.bytes()}. */
  public PackedRows(MemorySegment memory, Layout layout) {
    this.memory = memory;
    this.layout = layout;
    this.lengths = new long[layout.ragged()];
    clear();
  }

  /** Forgets all rows. */
  public void clear() {
    rows = 0;
    Arrays.fill(lengths, 0);
    for (Layout.Place place : layout.places()) {
      if (place.length() >= 0) {
        Memory.putLong(address() + place.offsets(), 0);
      }
    }
  }

  public Layout layout() {
    return layout;
  }

  /** Rows packed so far. */
  public int rows() {
    return rows;
  }

  /** Rows that still fit, by count; ragged values may fill up earlier. */
  public int room() {
    return layout.rows() - rows;
  }

  /** Values packed so far of the ragged form with this index. */
  public long length(int ragged) {
    return lengths[ragged];
  }

  long address() {
    return memory.address();
  }

  void lengthen(int ragged, long length) {
    lengths[ragged] = length;
  }

  void added(int count) {
    rows += count;
  }

  /** The row identity of a row, from the form with that role. */
  public long identity(Layout.Place place, int row) {
    return Memory.longAt(address() + place.offset() + 8L * row);
  }

  /** How many values a row has in a ragged form. */
  public long values(Layout.Place place, int row) {
    long offsets = address() + place.offsets() + 8L * row;
    return Memory.longAt(offsets + 8) - Memory.longAt(offsets);
  }

  /**
   * Adds padding rows: every value zero, every list empty.
   *
   * @param count of them; they fit
   */
  public void pad(int count) {
    for (Layout.Place place : layout.places()) {
      if (place.length() >= 0) {
        for (int row = rows; row < rows + count; row++) {
          Memory.putLong(address() + place.offsets() + 8L * (row + 1), lengths[place.length()]);
        }
      } else {
        long bytes = place.form().rowBytes();
        Memory.fill(address() + place.offset() + rows * bytes, count * bytes, (byte) 0);
      }
    }
    rows += count;
  }

  /**
   * Gives words that no vocabulary has the id 0. To be called once, when the rows are complete.
   *
   * @return how many such values there are, for each tensor with a vocabulary
   */
  public Map<String, Long> settleUnknown() {
    Map<String, Long> unknown = new LinkedHashMap<>();
    for (Layout.Place place : layout.places()) {
      if (place.form().listed()) {
        unknown.merge(place.form().name(), settleUnknown(place), Long::sum);
      }
    }
    return unknown;
  }

  private long settleUnknown(Layout.Place place) {
    boolean ragged = place.length() >= 0;
    long values = ragged ? lengths[place.length()] : (long) rows * place.form().width();
    int bytes = place.form().dtype().bytes();
    long unknown = Conversion.unknown(place.form().dtype());
    long found = 0;
    long end = address() + place.offset() + values * bytes;
    for (long at = address() + place.offset(); at < end; at += bytes) {
      long id = bytes == Integer.BYTES ? Memory.intAt(at) : Memory.longAt(at);
      if (id == unknown) {
        Memory.put(at, bytes, 0);
        found++;
      }
    }
    return found;
  }

  /**
   * How many rows are TRUE or above 0, NaN included, as in the engine; padding is neither.
   *
   * @param place of a form of one value per row
   */
  public long positives(Layout.Place place) {
    DType dtype = place.form().dtype();
    long end = address() + place.offset() + (long) rows * dtype.bytes();
    long found = 0;
    for (long at = address() + place.offset(); at < end; at += dtype.bytes()) {
      found += positive(dtype, at) ? 1 : 0;
    }
    return found;
  }

  private static boolean positive(DType dtype, long at) {
    return switch (dtype) {
      case BOOL, UINT8 -> Memory.byteAt(at) != 0;
      case INT8 -> Memory.byteAt(at) > 0;
      case INT16 -> Memory.shortAt(at) > 0;
      case INT32 -> Memory.intAt(at) > 0;
      case INT64 -> Memory.longAt(at) > 0;
      case FLOAT16 -> above(Float.float16ToFloat(Memory.shortAt(at)));
      case BFLOAT16 -> above(Float.intBitsToFloat(Memory.shortAt(at) << Short.SIZE));
      case FLOAT32 -> above(Memory.floatAt(at));
      case FLOAT64 -> above(Double.longBitsToDouble(Memory.longAt(at)));
    };
  }

  private static boolean above(double value) {
    return value > 0 || Double.isNaN(value);
  }

  /**
   * Writes the header and brings the keys of each tensor together: nothing can be added after it.
   *
   * @param padded padding rows among the rows
   * @param globalRows real rows of the whole global step
   * @param epoch of the rows
   * @param step of the epoch, from 0
   * @param position JSON of the position after the step, UTF-8, at most {@link Layout#positionRoom}
   *     bytes
   */
  public void seal(int padded, long globalRows, long epoch, long step, byte[] position) {
    layout.groups().forEach(this::join);
    long at = address();
    Memory.putInt(at, rows);
    Memory.putInt(at + 4, padded);
    Memory.putLong(at + 8, globalRows);
    Memory.putLong(at + 16, epoch);
    Memory.putLong(at + 24, step);
    Memory.putInt(at + 32, position.length);
    for (int ragged = 0; ragged < lengths.length; ragged++) {
      Memory.putLong(at + layout.lengths() + 8L * ragged, lengths[ragged]);
    }
    MemorySegment.copy(
        MemorySegment.ofArray(position), 0, memory, layout.position(), position.length);
  }

  /** Moves the values of each key to the end of those before it, and writes the lengths. */
  private void join(Layout.Group group) {
    long lengths = address() + group.lengths();
    long end = group.places().getFirst().offset();
    for (Layout.Place key : group.places()) {
      long bytes = this.lengths[key.length()] * key.form().dtype().bytes();
      if (end != key.offset()) {
        Memory.copy(address() + key.offset(), address() + end, bytes);
      }
      end += bytes;
      long offsets = address() + key.offsets();
      for (int row = 0; row < rows; row++) {
        long length = Memory.longAt(offsets + 8L * (row + 1)) - Memory.longAt(offsets + 8L * row);
        Memory.putInt(lengths, Math.toIntExact(length));
        lengths += Integer.BYTES;
      }
    }
  }
}
