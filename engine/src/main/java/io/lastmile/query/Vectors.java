package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Some rows of a result as native addresses, one flat vector per column. Values lie one after the
 * other in the machine's byte order:
 *
 * <ul>
 *   <li>numbers, dates and timestamps in their own width, a BOOLEAN as one byte;
 *   <li>VARCHAR and BLOB as 16 bytes: an int32 length, then up to 12 bytes inline, or 4 bytes of
 *       prefix and the address of all bytes at +8;
 *   <li>lists in {@link #entries} and {@link #childData}; arrays of n values in {@link #childData}
 *       alone, row r at r * n.
 * </ul>
 *
 * <p>A null's value is undefined. Validity masks are bits from the lowest of each int64; a set bit
 * is a value, and address 0 means that there is no null.
 */
public final class Vectors {
  private static final int PLAIN = 0;
  private static final int LIST = 1;
  private static final int ARRAY = 2;

  /** DUCKDB_V2_VECTOR_TYPE_FLAT. */
  private static final int FLAT = 1;

  private final MemorySegment form = Arena.ofAuto().allocate(8, 8);
  private final int[] forms;
  private final long[] data;
  private final long[] validity;
  private final long[] childData;
  private final long[] childValidity;
  private int rows;

  Vectors(List<ResultColumn> columns) {
    int count = columns.size();
    forms = new int[count];
    data = new long[count];
    validity = new long[count];
    childData = new long[count];
    childValidity = new long[count];
    for (int i = 0; i < count; i++) {
      forms[i] =
          switch (columns.get(i).type()) {
            case ColumnType.ListOf list -> LIST;
            case ColumnType.ArrayOf array -> ARRAY;
            case ColumnType.Scalar scalar -> PLAIN;
            case ColumnType.Other other -> PLAIN;
          };
    }
  }

  void point(long chunk) {
    rows = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_SIZE, chunk));
    for (int i = 0; i < forms.length; i++) {
      long vector = flat(DuckDb.call(DuckDb.CHUNK_VECTOR, chunk, i));
      data[i] = DuckDb.call(DuckDb.VECTOR_DATA, vector);
      validity[i] = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
      if (forms[i] != PLAIN) {
        long child = DuckDb.call(forms[i] == LIST ? DuckDb.LIST_CHILD : DuckDb.ARRAY_CHILD, vector);
        childData[i] = DuckDb.call(DuckDb.VECTOR_DATA, child);
        childValidity[i] = DuckDb.call(DuckDb.VECTOR_VALIDITY, child);
      }
    }
  }

  /** Makes a constant or dictionary vector flat; the engine's results usually are. */
  private long flat(long vector) {
    int state = DuckDb.state(DuckDb.VECTOR_FORM, vector, form.address(), 0L);
    if (state == 0 && form.get(JAVA_INT, 0) != FLAT) {
      state = DuckDb.state(DuckDb.FLATTEN, vector, 0L);
    }
    if (state != 0) {
      throw new QueryException(QueryException.Kind.INTERNAL, "A vector cannot be made flat");
    }
    return vector;
  }

  /** The number of rows. */
  public int rows() {
    return rows;
  }

  /** The address of a column's values; of a list's entries. */
  public long data(int column) {
    return data[column];
  }

  /** The address of a column's validity mask, 0 when no value is null. */
  public long validity(int column) {
    return validity[column];
  }

  /** The address of a list column's entries: per row an int64 offset and an int64 length. */
  public long entries(int column) {
    return data[column];
  }

  /** The address of the values inside a list or array column, which entries point into. */
  public long childData(int column) {
    return childData[column];
  }

  /** The validity mask of the values inside a list or array column, 0 when none is null. */
  public long childValidity(int column) {
    return childValidity[column];
  }
}
