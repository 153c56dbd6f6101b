package io.lastmile.query;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a running query, some thousands at a time. One thread at a time, that of its session.
 */
public final class Rows implements AutoCloseable {
  private final Session session;
  private final Session.Prepared prepared;
  private final MemorySegment result = Arena.ofAuto().allocate(DuckDb.RESULT);
  private final List<ResultColumn> columns;
  private final Vectors vectors;
  private long chunk;
  private boolean done;
  private boolean closed;

  Rows(Session session, String sql) {
    this.session = session;
    this.prepared = new Session.Prepared(session.connection(), sql);
    long @Nullable [] outer = KeptFunction.count(session.drops());
    try {
      columns = prepared.columns();
      vectors = new Vectors(columns);
      if (DuckDb.state(DuckDb.EXECUTE_STREAMING, prepared.statement(), result.address()) != 0) {
        throw Session.failure(result);
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    } finally {
      KeptFunction.restore(outer);
    }
  }

  public List<ResultColumn> columns() {
    return columns;
  }

  /** The type of a column in the engine; the caller destroys it. */
  long type(int column) {
    return DuckDb.call(DuckDb.PREPARED_COLUMN_TYPE, prepared.statement(), column);
  }

  /** The first columns of the rows of the last {@link #next()}, as keys. */
  KeyColumns keys(int count) {
    return KeyColumns.of(chunk, 0, count);
  }

  /**
   * Runs the query until it has more rows; null at the end. The vectors are valid until the next
   * call of this method or of {@link #close()}, never empty, and the same object each time.
   *
   * @throws QueryException when the query fails; no call may follow but close
   */
  public @Nullable Vectors next() {
    release();
    if (done) {
      return null;
    }
    long @Nullable [] outer = KeptFunction.count(session.drops());
    try {
      do {
        release();
        chunk = DuckDb.fetch(result);
        if (chunk == 0) {
          done = true;
          if (DuckDb.call(DuckDb.RESULT_ERROR, result.address()) != 0) {
            throw Session.failure(result);
          }
          return null;
        }
        vectors.point(chunk);
      } while (vectors.rows() == 0);
      return vectors;
    } finally {
      KeptFunction.restore(outer);
    }
  }

  private void release() {
    if (chunk != 0) {
      DuckDb.destroy(DuckDb.DESTROY_CHUNK, chunk);
      chunk = 0;
    }
  }

  /** Ends the query, also in its middle. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      done = true;
      release();
      DuckDb.run(DuckDb.DESTROY_RESULT, result.address());
      prepared.close();
    }
  }
}
