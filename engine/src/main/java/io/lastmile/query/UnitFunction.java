package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

/**
 * {@code lastmile_unit(seed BIGINT, salt VARCHAR, epoch BIGINT, keys...) -> DOUBLE}: the sampling
 * hash, a number in [0, 1] that depends on its arguments alone.
 *
 * <p>It is the XXH64 of bytes, with the seed, as an unsigned integer rounded to the nearest double
 * and divided by 2^64. The bytes are the salt in UTF-8, the epoch as int64 unless it is null, a
 * zero byte, then each key as {@link KeyColumns} says.
 */
final class UnitFunction {
  private static final int SEED = 0;
  private static final int SALT = 1;
  private static final int EPOCH = 2;
  private static final int FIRST_KEY = 3;

  private static final ThreadLocal<KeyBytes> BYTES = ThreadLocal.withInitial(KeyBytes::new);

  private static final ScalarFunction FUNCTION =
      new ScalarFunction(
              "lastmile_unit",
              LogicalTypes.DOUBLE,
              UnitFunction::run,
              LogicalTypes.BIGINT,
              LogicalTypes.VARCHAR,
              LogicalTypes.BIGINT)
          .furtherArguments(UnitFunction::check);

  private UnitFunction() {}

  static void register(long connection) {
    FUNCTION.register(connection);
  }

  private static void check(int argument, int type) {
    if (argument >= FIRST_KEY && !KeyColumns.isKey(type)) {
      throw new IllegalArgumentException(
          "A sampling key cannot be of type "
              + LogicalTypes.name(type)
              + " (must be an integer, a string, bytes, a BOOLEAN, a DATE or a TIMESTAMP)");
    }
  }

  private static void run(long arguments, long result) {
    int rows = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_SIZE, arguments));
    int count = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_COLUMNS, arguments));
    KeyColumns prefix = KeyColumns.of(arguments, 0, FIRST_KEY);
    KeyColumns keys = KeyColumns.of(arguments, FIRST_KEY, count - FIRST_KEY);
    long units = DuckDb.call(DuckDb.VECTOR_DATA, result);
    KeyBytes bytes = BYTES.get();
    bytes.forgetPrefix();
    for (int row = 0; row < rows; row++) {
      prefix(bytes, prefix, row);
      keys.append(bytes, row);
      long seed = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, prefix.data(SEED) + row * 8L);
      NativeMemory.ALL.set(JAVA_DOUBLE_UNALIGNED, units + row * 8L, XXH64.unit(bytes.hash(seed)));
    }
  }

  private static void prefix(KeyBytes bytes, KeyColumns columns, int row) {
    if (columns.isNull(SEED, row) || columns.isNull(SALT, row)) {
      throw new IllegalArgumentException("lastmile_unit: the seed and the salt must not be null");
    }
    boolean hasEpoch = !columns.isNull(EPOCH, row);
    long epoch =
        hasEpoch ? NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, columns.data(EPOCH) + row * 8L) : -1L;
    bytes.prefix(columns.data(SALT) + row * 16L, hasEpoch, epoch);
  }
}
