package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/**
 * A column of a small table in memory of our own: scalars, lists of scalars or arrays of them.
 * Filled by one thread, then sealed and read by any.
 */
final class StoredColumn implements AutoCloseable {
  private enum Form {
    SCALAR,
    LIST,
    ARRAY
  }

  private final Form form;
  private final int length;

  /** The scalars; for lists their int64 begin and length. */
  private final StoredValues rows;

  /** The values inside lists and arrays; for scalars, not used. */
  private final StoredValues elements;

  /**
   * An empty column.
   *
   * @param type of its values, in which a list's elements are scalars
   * @param handle of the same type in the engine, which stays the caller's
   */
  StoredColumn(ColumnType type, long handle) {
    switch (type) {
      case ColumnType.Scalar scalar -> {
        form = Form.SCALAR;
        length = 0;
        rows = values(scalar.kind(), handle);
        elements = new StoredValues(1, false);
      }
      case ColumnType.ListOf list -> {
        form = Form.LIST;
        length = 0;
        rows = new StoredValues(16, false);
        elements = elements(list.element(), DuckDb.call(DuckDb.LIST_ELEMENT, handle));
      }
      case ColumnType.ArrayOf array -> {
        form = Form.ARRAY;
        length = array.length();
        rows = new StoredValues(1, false);
        elements = elements(array.element(), DuckDb.call(DuckDb.ARRAY_ELEMENT, handle));
      }
      case ColumnType.Other other -> throw new IllegalArgumentException(other.sql());
    }
  }

  /** Whether a column of this type can be stored. */
  static boolean stores(ColumnType type) {
    return switch (type) {
      case ColumnType.Scalar _ -> true;
      case ColumnType.ListOf list -> list.element() instanceof ColumnType.Scalar;
      case ColumnType.ArrayOf array -> array.element() instanceof ColumnType.Scalar;
      case ColumnType.Other _ -> false;
    };
  }

  private static StoredValues elements(ColumnType type, long handle) {
    try {
      if (type instanceof ColumnType.Scalar scalar) {
        return values(scalar.kind(), handle);
      }
      throw new IllegalArgumentException(type.sql());
    } finally {
      DuckDb.destroy(DuckDb.DESTROY_TYPE, handle);
    }
  }

  private static StoredValues values(ColumnType.Kind kind, long handle) {
    boolean text = kind == ColumnType.Kind.VARCHAR || kind == ColumnType.Kind.BLOB;
    int width =
        kind == ColumnType.Kind.DECIMAL
            ? LogicalTypes.decimalWidth(handle)
            : StoredValues.width(kind);
    return new StoredValues(width, text);
  }

  long bytes() {
    return rows.bytes() + elements.bytes();
  }

  /** Adds a column of some vectors: of the rows that count. */
  void add(Vectors vectors, int column, boolean[] counted) {
    int row = 0;
    while (row < counted.length) {
      int end = row;
      while (end < counted.length && counted[end]) {
        end++;
      }
      if (end > row) {
        add(vectors, column, row, end - row);
      }
      row = end + 1;
    }
  }

  private void add(Vectors vectors, int column, int first, int count) {
    long validity = vectors.validity(column);
    switch (form) {
      case SCALAR -> rows.add(vectors.data(column), validity, first, count);
      case LIST -> {
        for (int row = first; row < first + count; row++) {
          addList(vectors, column, row);
        }
      }
      case ARRAY -> {
        // The values of a null are undefined, but they have their place.
        rows.add(vectors.childData(column), validity, first, count);
        elements.add(
            vectors.childData(column),
            vectors.childValidity(column),
            (long) first * length,
            (long) count * length);
      }
    }
  }

  private void addList(Vectors vectors, int column, int row) {
    long entry = vectors.entries(column) + row * 16L;
    boolean there = NativeMemory.valid(vectors.validity(column), row);
    long first = there ? NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry) : 0;
    long count = there ? NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry + 8) : 0;
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, entry, elements.count());
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, entry + 8, count);
    rows.add(vectors.entries(column), vectors.validity(column), row, 1);
    elements.add(vectors.childData(column), vectors.childValidity(column), first, count);
  }

  /** No more rows come. */
  void seal() {
    rows.seal();
    elements.seal();
  }

  /**
   * Writes rows of this column into a result.
   *
   * @param numbers of the rows, one int64 for each row of the result
   * @param validity mask of the numbers; a null gives a null
   */
  void take(long numbers, long validity, int count, long result) {
    ResultVector out = new ResultVector(result);
    long data = DuckDb.call(DuckDb.VECTOR_DATA, result);
    long listed = 0;
    for (int row = 0; row < count; row++) {
      long number =
          NativeMemory.valid(validity, row)
              ? NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, numbers + row * 8L)
              : -1;
      boolean there = number >= 0 && rows.isValid(number);
      if (!there) {
        out.setNull(row);
      }
      switch (form) {
        case SCALAR -> {
          if (there) {
            rows.copy(number, 1, data + (long) row * rows.width());
          }
        }
        case LIST -> listed = takeList(there ? number : -1, data + row * 16L, listed, result);
        case ARRAY -> {
          if (there) {
            takeElements(number * length, length, (long) row * length, out.child(true));
          }
        }
      }
    }
  }

  private long takeList(long number, long entry, long listed, long result) {
    long first = 0;
    long count = 0;
    if (number >= 0) {
      rows.copy(number, 1, entry);
      first = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry);
      count = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, entry + 8);
    }
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, entry, listed);
    NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, entry + 8, count);
    DuckDb.state(DuckDb.LIST_RESERVE, result, listed + count);
    DuckDb.state(DuckDb.LIST_SET_SIZE, result, listed + count);
    takeElements(first, count, listed, new ResultVector(result).child(false));
    return listed + count;
  }

  private void takeElements(long first, long count, long at, ResultVector child) {
    if (count == 0) {
      return;
    }
    elements.copy(first, count, child.data() + at * elements.width());
    for (long i = 0; i < count; i++) {
      if (!elements.isValid(first + i)) {
        child.setNull(at + i);
      }
    }
  }

  @Override
  public void close() {
    rows.close();
    elements.close();
  }
}
