package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import org.jspecify.annotations.Nullable;

/**
 * {@code lastmile_kept(code INTEGER) -> BOOLEAN}: counts the rows by code, and is true for code 0.
 *
 * <p>{@code WHERE lastmile_kept(CASE WHEN … THEN 1 WHEN … THEN 2 ELSE 0 END)} counts each row that
 * a query reads exactly once, at the first step that drops it or at 0. The counts go to the session
 * whose rows are being fetched: the engine computes on that thread.
 */
final class KeptFunction {
  /** Where this thread counts while it is inside a call of its session. */
  private static final ThreadLocal<long @Nullable []> COUNTS = new ThreadLocal<>();

  private static final ScalarFunction FUNCTION =
      new ScalarFunction(
              "lastmile_kept", LogicalTypes.BOOLEAN, KeptFunction::run, LogicalTypes.INTEGER)
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
    long vector = DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 0);
    long codes = DuckDb.call(DuckDb.VECTOR_DATA, vector);
    long validity = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
    long @Nullable [] drops = COUNTS.get();
    for (long row = 0; row < rows; row++) {
      if (!NativeMemory.valid(validity, row)) {
        throw new IllegalArgumentException("lastmile_kept: the code is null");
      }
      int code = NativeMemory.ALL.get(JAVA_INT_UNALIGNED, codes + row * 4);
      if (drops != null) {
        if (code < 0 || code >= drops.length) {
          throw new IllegalArgumentException(
              "lastmile_kept: code " + code + " (must be in [0, " + drops.length + "))");
        }
        drops[code]++;
      }
      NativeMemory.ALL.set(JAVA_BYTE, result + row, (byte) (code == 0 ? 1 : 0));
    }
  }
}
