package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.lastmile.query.ColumnType.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Vectors as Java objects, for results of a few rows. */
final class Values {
  private Values() {}

  /** Adds the rows of some vectors to a list. */
  static void read(List<ResultColumn> columns, Vectors vectors, List<List<@Nullable Object>> out) {
    for (int row = 0; row < vectors.rows(); row++) {
      List<@Nullable Object> values = new ArrayList<>(columns.size());
      for (int i = 0; i < columns.size(); i++) {
        boolean valid = NativeMemory.valid(vectors.validity(i), row);
        values.add(valid ? value(columns.get(i), vectors, i, row) : null);
      }
      out.add(values);
    }
  }

  private static Object value(ResultColumn column, Vectors vectors, int i, int row) {
    return switch (column.type()) {
      case ColumnType.Scalar scalar -> scalar(scalar.kind(), vectors.data(i), row);
      case ColumnType.ListOf list -> {
        long entry = vectors.entries(i) + row * 16L;
        long offset = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry);
        long length = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry + 8);
        yield elements(column, list.element(), vectors, i, offset, length);
      }
      case ColumnType.ArrayOf array ->
          elements(
              column, array.element(), vectors, i, (long) row * array.length(), array.length());
      case ColumnType.Other other -> throw unreadable(column);
    };
  }

  private static List<@Nullable Object> elements(
      ResultColumn column, ColumnType type, Vectors vectors, int i, long offset, long length) {
    if (!(type instanceof ColumnType.Scalar element)) {
      throw unreadable(column);
    }
    List<@Nullable Object> values = new ArrayList<>();
    for (long at = offset; at < offset + length; at++) {
      boolean valid = NativeMemory.valid(vectors.childValidity(i), at);
      values.add(valid ? scalar(element.kind(), vectors.childData(i), at) : null);
    }
    return values;
  }

  private static Object scalar(Kind kind, long data, long row) {
    return switch (kind) {
      case BOOLEAN -> NativeMemory.ALL.get(JAVA_BYTE, data + row) != 0;
      case TINYINT -> (long) NativeMemory.ALL.get(JAVA_BYTE, data + row);
      case UTINYINT -> NativeMemory.ALL.get(JAVA_BYTE, data + row) & 0xFFL;
      case SMALLINT -> (long) NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2);
      case USMALLINT -> NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2) & 0xFFFFL;
      case INTEGER, DATE -> (long) NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4);
      case UINTEGER -> NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4) & 0xFFFFFFFFL;
      case BIGINT,
          TIME,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS ->
          NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 8);
      case UBIGINT -> fitting(NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 8), 0);
      case HUGEINT ->
          fitting(
              NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 16),
              NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 16 + 8));
      case FLOAT -> (double) NativeMemory.ALL.get(JAVA_FLOAT_UNALIGNED, data + row * 4);
      case DOUBLE -> NativeMemory.ALL.get(JAVA_DOUBLE_UNALIGNED, data + row * 8);
      case VARCHAR -> new String(bytes(data + row * 16), StandardCharsets.UTF_8);
      case BLOB -> bytes(data + row * 16);
      case DECIMAL ->
          throw new QueryException(
              QueryException.Kind.NOT_IMPLEMENTED, "A DECIMAL cannot be read: cast it");
    };
  }

  private static Long fitting(long low, long high) {
    if (high != low >> 63) {
      throw new QueryException(
          QueryException.Kind.OUT_OF_RANGE, "An integer does not fit 64 bits with sign");
    }
    return low;
  }

  private static byte[] bytes(long string) {
    int length = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, string);
    long from = length <= 12 ? string + 4 : NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, string + 8);
    return NativeMemory.ALL.asSlice(from, length).toArray(JAVA_BYTE);
  }

  private static QueryException unreadable(ResultColumn column) {
    return new QueryException(
        QueryException.Kind.NOT_IMPLEMENTED,
        "Column \"" + column.name() + "\" of type " + column.type().sql() + " cannot be read");
  }
}
