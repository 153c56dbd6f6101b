package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * One DuckDB instance, in memory, without spilling: a query that needs more than its memory limit
 * fails. Any thread may connect. Its memory is free when it has been closed and its last session
 * is.
 *
 * <p>Each query runs on the thread that asks for its rows, in the order of the files.
 *
 * <p>Three functions of Lastmile's are registered: {@code lastmile_unit} ({@link UnitFunction}),
 * {@code lastmile_kept} ({@link KeptFunction}) and {@code lastmile_place} ({@link PlaceFunction});
 * each {@link Lookup} brings its own.
 */
public final class Engine implements AutoCloseable {
  /** Rows are computed as they are asked for, not 10 MiB ahead. */
  private static final String SESSION_SETTINGS = "SET streaming_buffer_size='1B'";

  private final long database;
  private final Queue<Lookup> owned = new ConcurrentLinkedQueue<>();

  /** Sessions that are open; guarded by this, like all below. */
  private int sessions;

  private boolean closed;
  private boolean freed;

  private Engine(long database) {
    this.database = database;
  }

  /**
   * Opens an instance.
   *
   * @param memoryLimitBytes of all its sessions together, &gt; 0; result vectors that a session
   *     holds are not in it
   */
  public static Engine open(long memoryLimitBytes) {
    if (memoryLimitBytes <= 0) {
      throw new IllegalArgumentException(
          "Invalid memory limit: " + memoryLimitBytes + " (must be > 0)");
    }
    Engine engine = new Engine(openDatabase());
    try (Session session = engine.connect()) {
      session.execute(settings(memoryLimitBytes));
      UnitFunction.register(session.connection());
      KeptFunction.register(session.connection());
      PlaceFunction.register(session.connection());
      return engine;
    } catch (RuntimeException e) {
      engine.close();
      throw e;
    }
  }

  private static long openDatabase() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(16, 8);
      if (DuckDb.open(arena.allocateFrom(":memory:").address(), out.address()) != 0) {
        long reason = out.get(JAVA_LONG, 8);
        String text = NativeMemory.message(reason);
        if (reason != 0) {
          DuckDb.run(DuckDb.FREE, reason);
        }
        throw QueryException.of(text);
      }
      return out.get(JAVA_LONG, 0);
    }
  }

  /**
   * Nothing that changes the order of rows; and no statistics of columns, which are gathered for
   * every column of a file at each query, read or not.
   */
  private static String settings(long memoryLimitBytes) {
    return "SET GLOBAL threads=1; SET GLOBAL memory_limit='"
        + memoryLimitBytes
        + "B'; SET GLOBAL temp_directory=''; SET GLOBAL TimeZone='UTC';"
        + " SET GLOBAL disabled_optimizers='join_order,build_side_probe_side,statistics_propagation';"
        + " SET GLOBAL autoinstall_known_extensions=false; SET GLOBAL autoload_known_extensions=false;"
        + " SET GLOBAL parquet_metadata_cache=true";
  }

  /** A new connection. */
  public Session connect() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      if (DuckDb.state(DuckDb.CONNECT, database, out.address()) != 0) {
        throw new QueryException(QueryException.Kind.OTHER, "The engine refused a connection");
      }
      Session session = new Session(out.get(JAVA_LONG, 0), this::left);
      entered();
      session.execute(SESSION_SETTINGS);
      return session;
    }
  }

  /** Keeps memory that queries read; it is given back when the engine is closed. */
  void own(Lookup lookup) {
    owned.add(lookup);
  }

  /** Sets another limit for all sessions together, in bytes. */
  public void limitMemory(long bytes) {
    try (Session session = connect()) {
      session.execute("SET GLOBAL memory_limit='" + bytes + "B'");
    }
  }

  /** The engine's version, such as {@code v2.0.0}: other versions may give other rows. */
  public static String version() {
    return NativeMemory.message(DuckDb.call(DuckDb.LIBRARY_VERSION));
  }

  private synchronized void entered() {
    sessions++;
  }

  private synchronized void left() {
    sessions--;
    freeIfUnused();
  }

  /** Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    freeIfUnused();
  }

  private void freeIfUnused() {
    if (closed && !freed && sessions == 0) {
      freed = true;
      DuckDb.destroy(DuckDb.CLOSE, database);
      owned.forEach(Lookup::close);
    }
  }
}
