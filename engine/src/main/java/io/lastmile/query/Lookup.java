package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.util.ArrayList;
import java.util.List;

/**
 * A small table in memory of our own, found by its keys from the queries of every session. Two
 * kinds of functions reach it, where NAME is its name:
 *
 * <ul>
 *   <li>{@code lastmile_find_NAME(keys…) -> BIGINT}: the number of the row with these keys; null
 *       when there is none or a key is null
 *   <li>{@code lastmile_take_NAME_i(number BIGINT) -> type of column i}: null for a null number
 * </ul>
 *
 * <p>Built once by one thread, read-only from then on; it goes with its engine.
 */
public final class Lookup implements AutoCloseable {
  private static final ThreadLocal<KeyBytes> BYTES = ThreadLocal.withInitial(KeyBytes::new);

  private final String name;
  private final int keys;
  private final KeyIndex index = new KeyIndex();
  private final List<StoredColumn> columns = new ArrayList<>();

  private Lookup(String name, int keys) {
    this.name = name;
    this.keys = keys;
  }

  /** What is wrong with the rows of a small table. */
  public static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient long row;

    private RefusedException(String message, long row) {
      super(message);
      this.row = row;
    }

    /** The number of the row whose keys were there before; -1 when the table is too large. */
    public long row() {
      return row;
    }
  }

  /**
   * Reads a table and registers its functions.
   *
   * @param name of lower-case letters, digits and underscores, not used before in the engine
   * @param sql of its rows: the keys, then the other columns
   * @param keys the number of key columns
   * @param unique whether keys that come again are refused; otherwise their first row counts
   * @param limit in bytes
   * @throws RefusedException for keys that come again, or a table beyond the limit
   */
  public static Lookup load(
      Engine engine,
      Session session,
      String name,
      String sql,
      int keys,
      boolean unique,
      long limit) {
    Lookup lookup = new Lookup(name, keys);
    engine.own(lookup);
    try (Rows rows = session.query(sql)) {
      lookup.prepare(rows);
      long number = 0;
      for (Vectors vectors = rows.next(); vectors != null; vectors = rows.next()) {
        lookup.add(vectors, rows, unique, number);
        number += vectors.rows();
        if (lookup.bytes() > limit) {
          throw new RefusedException("too large", -1);
        }
      }
      lookup.register(session, rows);
    }
    return lookup;
  }

  /** Whether a column of this type can be taken from a small table. */
  public static boolean stores(ColumnType type) {
    return StoredColumn.stores(type);
  }

  /** The SQL of the number of the row with these keys. */
  public String find(List<String> keySql) {
    return "lastmile_find_" + name + "(" + String.join(", ", keySql) + ")";
  }

  /** The SQL of a column of the row with a number. */
  public String take(int column, String number) {
    return "lastmile_take_" + name + "_" + column + "(" + number + ")";
  }

  /** Bytes in use. */
  public long bytes() {
    return index.bytes() + columns.stream().mapToLong(StoredColumn::bytes).sum();
  }

  /** Rows that can be found. */
  public long rows() {
    return index.rows();
  }

  private void prepare(Rows rows) {
    for (int i = keys; i < rows.columns().size(); i++) {
      long type = rows.type(i);
      columns.add(new StoredColumn(rows.columns().get(i).type(), type));
      DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
    }
  }

  private void add(Vectors vectors, Rows rows, boolean unique, long first) {
    KeyColumns key = rows.keys(keys);
    KeyBytes bytes = BYTES.get();
    // A row's number is its place among those with keys: rows that count for nothing are left out.
    boolean[] counted = new boolean[vectors.rows()];
    for (int row = 0; row < vectors.rows(); row++) {
      if (!key.hasNull(row)) {
        bytes.start();
        key.append(bytes, row);
        if (index.find(bytes) < 0) {
          index.add(bytes);
          counted[row] = true;
        } else if (unique) {
          throw new RefusedException("keys come again", first + row);
        }
      }
    }
    for (int i = 0; i < columns.size(); i++) {
      columns.get(i).add(vectors, keys + i, counted);
    }
  }

  private void register(Session session, Rows rows) {
    for (StoredColumn column : columns) {
      column.seal();
    }
    new ScalarFunction("lastmile_find_" + name, LogicalTypes.BIGINT, this::find)
        .furtherArguments(Lookup::check)
        .register(session.connection());
    for (int i = 0; i < columns.size(); i++) {
      StoredColumn column = columns.get(i);
      long type = rows.type(keys + i);
      ScalarFunction.ofType(
              "lastmile_take_" + name + "_" + i,
              type,
              (arguments, result) -> take(column, arguments, result),
              LogicalTypes.BIGINT)
          .register(session.connection());
      DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
    }
  }

  private static void check(int argument, int type) {
    if (!KeyColumns.isKey(type)) {
      throw new IllegalArgumentException("A key cannot be of type " + LogicalTypes.name(type));
    }
  }

  private void find(long arguments, long result) {
    int rows = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_SIZE, arguments));
    KeyColumns key = KeyColumns.of(arguments, 0, keys);
    KeyBytes bytes = BYTES.get();
    ResultVector out = new ResultVector(result);
    long data = out.data();
    for (int row = 0; row < rows; row++) {
      int found = -1;
      if (!key.hasNull(row)) {
        bytes.start();
        key.append(bytes, row);
        found = index.find(bytes);
      }
      NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, data + row * 8L, found);
      if (found < 0) {
        out.setNull(row);
      }
    }
  }

  private static void take(StoredColumn column, long arguments, long result) {
    int rows = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_SIZE, arguments));
    long vector = DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 0);
    long numbers = DuckDb.call(DuckDb.VECTOR_DATA, vector);
    long validity = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
    column.take(numbers, validity, rows, result);
  }

  @Override
  public void close() {
    index.close();
    columns.forEach(StoredColumn::close);
  }
}
