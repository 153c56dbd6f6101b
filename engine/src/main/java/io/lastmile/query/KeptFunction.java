package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import org.jspecify.annotations.Nullable;

/**
 * {@code lastmile_kept(counter INTEGER, code INTEGER) -> BOOLEAN}: counts the rows at counter +
 * code, and is true for code 0.
 *
 * <p>{@code WHERE lastmile_kept(0, CASE WHEN … THEN 1 WHEN … THEN 2 ELSE 0 END)} counts each row
 * that a query reads exactly once, at the first step that drops it or at 0. The counts go to the
 * session whose rows are being fetched: the engine computes on that thread.
 */
final class KeptFunction {
  /** Where this thread counts while it is inside a call of its session. */
  private static final ThreadLocal<long @Nullable []> COUNTS = new ThreadLocal<>();

  private static final ScalarFunction FUNCTION =
      new ScalarFunction(
              "lastmile_kept",
              LogicalTypes.BOOLEAN,
              KeptFunction::run,
              LogicalTypes.INTEGER,
              LogicalTypes.INTEGER)
          .runEachRow();

  private KeptFunction() {}

  static void register(long connection) {
    FUNCTION.register(connection);
  }

  /** From now on this thread counts here; gives where it counted before. */
  static long @Nullable [] count(long @Nullable [] drops) {
    long @Nullable [] outer = COUNTS.get();
    COUNTS.set(drops);
    return outer;
  }

  /** Takes back a {@link #count}. */
  static void restore(long @Nullable [] outer) {
    COUNTS.set(outer);
  }

  private static void run(long arguments, long result) {
    long rows = DuckDb.call(DuckDb.CHUNK_SIZE, arguments);
    long flags = DuckDb.call(DuckDb.VECTOR_DATA, result);
    long counters = DuckDb.call(DuckDb.VECTOR_DATA, DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 0));
    long vector = DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 1);
    long codes = DuckDb.call(DuckDb.VECTOR_DATA, vector);
    long validity = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
    long @Nullable [] drops = COUNTS.get();
    for (long row = 0; row < rows; row++) {
      if (!NativeMemory.valid(validity, row)) {
        throw new IllegalArgumentException("lastmile_kept: the code is null");
      }
      int code = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, codes + row * 4);
      if (drops != null) {
        int counter = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, counters + row * 4) + code;
        if (counter < 0 || counter >= drops.length) {
          throw new IllegalArgumentException(
              "lastmile_kept: counter " + counter + " (must be in [0, " + drops.length + "))");
        }
        drops[counter]++;
      }
      NativeMemory.ALL.set(JAVA_BYTE, flags + row, (byte) (code == 0 ? 1 : 0));
    }
  }
}
