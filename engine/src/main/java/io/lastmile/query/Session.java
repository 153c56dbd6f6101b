package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One connection to an engine, used by one thread at a time; only {@link #interrupt()} may be
 * called from any thread, until {@link #close()}. A new query ends the rows of the one before.
 */
public final class Session implements AutoCloseable {
  private final long connection;
  private final Runnable whenClosed;
  private long @Nullable [] drops;
  private boolean closed;

  /**
   * A session.
   *
   * @param whenClosed run once, after it has been closed
   */
  Session(long connection, Runnable whenClosed) {
    this.connection = connection;
    this.whenClosed = whenClosed;
  }

  /**
   * Runs statements to their end, without rows.
   *
   * @throws QueryException when one fails; those before it have run
   */
  public void execute(String sql) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(DuckDb.RESULT);
      long @Nullable [] outer = KeptFunction.count(drops);
      try {
        long text = arena.allocateFrom(sql).address();
        if (DuckDb.state(DuckDb.QUERY, connection, text, result.address()) != 0) {
          throw failure(result);
        }
      } finally {
        KeptFunction.restore(outer);
        DuckDb.run(DuckDb.DESTROY_RESULT, result.address());
      }
    }
  }

  /**
   * Runs a statement to its end that sorts rows by {@code lastmile_place(table, row)}.
   *
   * @param places of the rows of each table: {@code places[table][row]}
   * @throws QueryException when it fails
   */
  public void execute(String sql, int[][] places) {
    PlaceFunction.use(places);
    try {
      execute(sql);
    } finally {
      PlaceFunction.forget();
    }
  }

  /**
   * Starts a query. Its work happens inside {@link Rows#next()}, on the calling thread.
   *
   * @throws QueryException when it cannot start
   */
  public Rows query(String sql) {
    return new Rows(this, sql);
  }

  /**
   * The columns of a query, without running it.
   *
   * @throws QueryException when it does not parse or bind
   */
  public List<ResultColumn> describe(String sql) {
    try (Prepared prepared = new Prepared(connection, sql)) {
      return prepared.columns();
    }
  }

  /**
   * All rows of a small result as Java objects: Long for integers, dates (days), times and
   * timestamps (their own unit), Double, Boolean, String, byte[] and List; a HUGEINT or UBIGINT
   * must fit a Long.
   *
   * @throws QueryException when the query fails or a type has no such object
   */
  public List<List<@Nullable Object>> rows(String sql) {
    try (Rows rows = query(sql)) {
      List<List<@Nullable Object>> all = new ArrayList<>();
      while (true) {
        Vectors vectors = rows.next();
        if (vectors == null) {
          return all;
        }
        Values.read(rows.columns(), vectors, all);
      }
    }
  }

  /**
   * Makes a view of an Arrow stream, which can be read once.
   *
   * @param stream must outlive that reading
   * @throws QueryException when its schema has a type that the engine does not have
   */
  public void view(String name, ArrowStream stream) {
    try (Arena arena = Arena.ofConfined()) {
      long text = arena.allocateFrom(name).address();
      if (DuckDb.state(DuckDb.ARROW_SCAN, connection, text, stream.address()) != 0) {
        throw new QueryException(
            QueryException.Kind.NOT_IMPLEMENTED, "The engine lacks a type of its columns");
      }
    }
  }

  /** Ends the query that runs now with {@link QueryException.Kind#INTERRUPTED}. Any thread. */
  public void interrupt() {
    DuckDb.run(DuckDb.INTERRUPT, connection);
  }

  /**
   * Where {@code lastmile_kept} counts from now on: it adds one to {@code drops[counter + code]}
   * for each row, also for code 0, the rows that stay. Null: nowhere.
   */
  public void counting(long @Nullable [] drops) {
    this.drops = drops;
  }

  long @Nullable [] drops() {
    return drops;
  }

  long connection() {
    return connection;
  }

  static QueryException failure(MemorySegment result) {
    return QueryException.of(
        NativeMemory.message(DuckDb.call(DuckDb.RESULT_ERROR, result.address())));
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      DuckDb.destroy(DuckDb.DISCONNECT, connection);
      whenClosed.run();
    }
  }

  /** A prepared statement; one thread. */
  static final class Prepared implements AutoCloseable {
    private final long statement;

    Prepared(long connection, String sql) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment out = arena.allocate(JAVA_LONG);
        long text = arena.allocateFrom(sql).address();
        int state = DuckDb.state(DuckDb.PREPARE, connection, text, out.address());
        statement = out.get(JAVA_LONG, 0);
        if (state != 0) {
          String reason = NativeMemory.message(DuckDb.call(DuckDb.PREPARE_ERROR, statement));
          close();
          throw QueryException.of(reason);
        }
      }
    }

    long statement() {
      return statement;
    }

    List<ResultColumn> columns() {
      long count = DuckDb.call(DuckDb.PREPARED_COLUMN_COUNT, statement);
      List<ResultColumn> columns = new ArrayList<>();
      for (long i = 0; i < count; i++) {
        long name = DuckDb.call(DuckDb.PREPARED_COLUMN_NAME, statement, i);
        long type = DuckDb.call(DuckDb.PREPARED_COLUMN_TYPE, statement, i);
        columns.add(new ResultColumn(NativeMemory.message(name), LogicalTypes.read(type)));
        DuckDb.run(DuckDb.FREE, name);
        DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
      }
      return List.copyOf(columns);
    }

    @Override
    public void close() {
      DuckDb.destroy(DuckDb.DESTROY_PREPARE, statement);
    }
  }
}
