package io.lastmile.source;

import java.util.List;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BaseLargeVariableWidthVector;
import org.apache.arrow.vector.BaseVariableWidthVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/**
 * Checks that nothing in a vector points outside of its buffers: the engine, which reads them in
 * place, relies on it. Arrow's own check does not know lists of a fixed length.
 */
final class ArrowChecks {
  private final DictionaryProvider dictionaries;

  ArrowChecks(DictionaryProvider dictionaries) {
    this.dictionaries = dictionaries;
  }

  /**
   * Checks a vector and all in it.
   *
   * @throws IllegalArgumentException when something does
   */
  void check(FieldVector vector, long rows) {
    require(vector.getValueCount() >= rows, "%d values of %d", vector.getValueCount(), rows);
    List<ArrowBuf> buffers = vector.getFieldBuffers();
    if (vector.getNullCount() > 0 && !buffers.isEmpty()) {
      holds(buffers.getFirst(), (rows + 7) / 8);
    }
    switch (vector) {
      case BitVector bits -> holds(bits.getDataBuffer(), (rows + 7) / 8);
      case BaseFixedWidthVector fixed -> holds(fixed.getDataBuffer(), rows * fixed.getTypeWidth());
      case BaseVariableWidthVector texts ->
          offsets(texts.getOffsetBuffer(), rows, Integer.BYTES, texts.getDataBuffer().capacity());
      case BaseLargeVariableWidthVector texts ->
          offsets(texts.getOffsetBuffer(), rows, Long.BYTES, texts.getDataBuffer().capacity());
      case ListVector list ->
          list(list.getOffsetBuffer(), rows, Integer.BYTES, list.getDataVector());
      case LargeListVector list ->
          list(list.getOffsetBuffer(), rows, Long.BYTES, list.getDataVector());
      case FixedSizeListVector list -> check(list.getDataVector(), rows * list.getListSize());
      default -> vector.getChildrenFromFields().forEach(child -> check(child, rows));
    }
    indices(vector, rows);
  }

  private void list(ArrowBuf offsets, long rows, int width, FieldVector values) {
    long count = offsets(offsets, rows, width, values.getValueCount());
    check(values, Math.max(count, values.getValueCount()));
  }

  /** Checks the places where the values of a vector begin and end; the last of them. */
  private static long offsets(ArrowBuf offsets, long rows, int width, long most) {
    if (rows == 0) {
      return 0;
    }
    holds(offsets, (rows + 1) * width);
    long last = 0;
    for (long row = 0; row <= rows; row++) {
      long next =
          width == Integer.BYTES ? offsets.getInt(row * width) : offsets.getLong(row * width);
      require(next >= last && next <= most, "offset %d into %d", next, most);
      last = next;
    }
    return last;
  }

  private void indices(FieldVector vector, long rows) {
    if (vector.getField().getDictionary() == null || !(vector instanceof BaseIntVector indices)) {
      return;
    }
    FieldVector values = dictionaries.lookup(vector.getField().getDictionary().getId()).getVector();
    check(values, values.getValueCount());
    for (int row = 0; row < rows; row++) {
      long index = vector.isNull(row) ? 0 : indices.getValueAsLong(row);
      boolean isOne = vector.isNull(row) || (index >= 0 && index < values.getValueCount());
      require(isOne, "index %d into %d values", index, values.getValueCount());
    }
  }

  private static void holds(ArrowBuf buffer, long bytes) {
    require(buffer.capacity() >= bytes, "%d bytes of %d", buffer.capacity(), bytes);
  }

  private static void require(boolean met, String message, long found, long wanted) {
    if (!met) {
      throw new IllegalArgumentException(message.formatted(found, wanted));
    }
  }
}
