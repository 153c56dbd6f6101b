package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/**
 * {@code lastmile_place(table INTEGER, row BIGINT) -> BIGINT}: the place of a row of a table in an
 * order that the session was told; the statement sorts by it. The engine computes on the thread
 * that runs the statement.
 */
final class PlaceFunction {
  private static final int[][] NONE = {};

  /** What this thread sorts by while it is inside a call of its session. */
  private static final ThreadLocal<int[][]> PLACES = ThreadLocal.withInitial(() -> NONE);

  private static final ScalarFunction FUNCTION =
      new ScalarFunction(
          "lastmile_place",
          LogicalTypes.BIGINT,
          PlaceFunction::run,
          LogicalTypes.INTEGER,
          LogicalTypes.BIGINT);

  private PlaceFunction() {}

  static void register(long connection) {
    FUNCTION.register(connection);
  }

  /** From now on this thread sorts by these places. */
  static void use(int[][] places) {
    PLACES.set(places);
  }

  /** This thread sorts by nothing any more. */
  static void forget() {
    PLACES.remove();
  }

  private static void run(long arguments, long result) {
    long rows = DuckDb.call(DuckDb.CHUNK_SIZE, arguments);
    long places = DuckDb.call(DuckDb.VECTOR_DATA, result);
    long tables = DuckDb.call(DuckDb.VECTOR_DATA, DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 0));
    long numbers = DuckDb.call(DuckDb.VECTOR_DATA, DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, 1));
    int[][] known = PLACES.get();
    for (long row = 0; row < rows; row++) {
      int[] table = known[NativeMemory.ALL.get(JAVA_INT_UNALIGNED, tables + row * 4)];
      long number = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, numbers + row * 8);
      NativeMemory.ALL.set(JAVA_LONG_UNALIGNED, places + row * 8, table[Math.toIntExact(number)]);
    }
  }
}
