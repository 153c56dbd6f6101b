package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

/**
 * {@code lastmile_unit(seed BIGINT, salt VARCHAR, epoch BIGINT, keys...) -> DOUBLE}: the sampling
 * hash, a number in [0, 1] that depends on its arguments alone.
 *
 * <p>It is the XXH64 of bytes, with the seed, as an unsigned integer rounded to the nearest double
 * and divided by 2^64. The bytes are the salt in UTF-8, the epoch as int64 unless it is null, a
 * zero byte, then each key, little-endian:
 *
 * <ul>
 *   <li>integers, dates (days) and timestamps (microseconds) as 0x01 and an int64; a UBIGINT by its
 *       bits; timestamps of other units in microseconds, rounded down
 *   <li>strings and bytes as 0x02, an int32 length and the bytes
 *   <li>BOOLEAN as 0x03 and one byte
 *   <li>null as 0x00
 * </ul>
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
    if (argument >= FIRST_KEY && !isKey(type)) {
      throw new IllegalArgumentException(
          "A sampling key cannot be of type "
              + LogicalTypes.name(type)
              + " (must be an integer, a string, bytes, a BOOLEAN, a DATE or a TIMESTAMP)");
    }
  }

  private static boolean isKey(int type) {
    return switch (type) {
      case LogicalTypes.TINYINT,
          LogicalTypes.SMALLINT,
          LogicalTypes.INTEGER,
          LogicalTypes.BIGINT,
          LogicalTypes.UTINYINT,
          LogicalTypes.USMALLINT,
          LogicalTypes.UINTEGER,
          LogicalTypes.UBIGINT,
          LogicalTypes.DATE,
          LogicalTypes.TIMESTAMP,
          LogicalTypes.TIMESTAMP_S,
          LogicalTypes.TIMESTAMP_MS,
          LogicalTypes.TIMESTAMP_NS,
          LogicalTypes.TIMESTAMP_TZ,
          LogicalTypes.TIMESTAMP_TZ_NS,
          LogicalTypes.VARCHAR,
          LogicalTypes.BLOB,
          LogicalTypes.BOOLEAN,
          LogicalTypes.NULL ->
          true;
      default -> false;
    };
  }

  private static void run(long arguments, long result) {
    int rows = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_SIZE, arguments));
    int count = Math.toIntExact(DuckDb.call(DuckDb.CHUNK_COLUMNS, arguments));
    int[] types = new int[count];
    long[] data = new long[count];
    long[] validity = new long[count];
    for (int i = 0; i < count; i++) {
      long vector = DuckDb.call(DuckDb.CHUNK_VECTOR, arguments, i);
      types[i] = LogicalTypes.ofVector(vector);
      data[i] = DuckDb.call(DuckDb.VECTOR_DATA, vector);
      validity[i] = DuckDb.call(DuckDb.VECTOR_VALIDITY, vector);
    }
    KeyBytes bytes = BYTES.get();
    bytes.forgetPrefix();
    for (int row = 0; row < rows; row++) {
      prefix(bytes, data, validity, row);
      for (int i = FIRST_KEY; i < count; i++) {
        key(bytes, types[i], data[i], validity[i], row);
      }
      long seed = NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data[SEED] + row * 8L);
      double unit = unit(bytes.hash(seed));
      NativeMemory.ALL.set(JAVA_DOUBLE_UNALIGNED, result + row * 8L, unit);
    }
  }

  private static void prefix(KeyBytes bytes, long[] data, long[] validity, int row) {
    if (!NativeMemory.valid(validity[SEED], row) || !NativeMemory.valid(validity[SALT], row)) {
      throw new IllegalArgumentException("lastmile_unit: the seed and the salt must not be null");
    }
    boolean hasEpoch = NativeMemory.valid(validity[EPOCH], row);
    long epoch = hasEpoch ? NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data[EPOCH] + row * 8L) : -1L;
    bytes.prefix(data[SALT] + row * 16L, hasEpoch, epoch);
  }

  private static void key(KeyBytes bytes, int type, long data, long validity, int row) {
    if (type == LogicalTypes.NULL || !NativeMemory.valid(validity, row)) {
      bytes.tag(0);
      return;
    }
    switch (type) {
      case LogicalTypes.VARCHAR, LogicalTypes.BLOB -> bytes.text(data + row * 16L);
      case LogicalTypes.BOOLEAN ->
          bytes.flag(NativeMemory.ALL.get(JAVA_BYTE, data + row) == 0 ? 0 : 1);
      default -> bytes.integer(integer(type, data, row));
    }
  }

  private static long integer(int type, long data, int row) {
    return switch (type) {
      case LogicalTypes.TINYINT -> NativeMemory.ALL.get(JAVA_BYTE, data + row);
      case LogicalTypes.UTINYINT -> NativeMemory.ALL.get(JAVA_BYTE, data + row) & 0xFFL;
      case LogicalTypes.SMALLINT -> NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2L);
      case LogicalTypes.USMALLINT ->
          NativeMemory.ALL.get(JAVA_SHORT_UNALIGNED, data + row * 2L) & 0xFFFFL;
      case LogicalTypes.INTEGER, LogicalTypes.DATE ->
          NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4L);
      case LogicalTypes.UINTEGER ->
          NativeMemory.ALL.get(JAVA_INT_UNALIGNED, data + row * 4L) & 0xFFFFFFFFL;
      default -> microseconds(type, NativeMemory.ALL.get(JAVA_LONG_UNALIGNED, data + row * 8L));
    };
  }

  private static long microseconds(int type, long value) {
    return switch (type) {
      case LogicalTypes.TIMESTAMP_S -> value * 1_000_000;
      case LogicalTypes.TIMESTAMP_MS -> value * 1_000;
      case LogicalTypes.TIMESTAMP_NS, LogicalTypes.TIMESTAMP_TZ_NS -> Math.floorDiv(value, 1_000L);
      default -> value;
    };
  }

  /** An unsigned integer, rounded to the nearest double, divided by 2^64. */
  static double unit(long hash) {
    // The lowest bit stays set when any bit is lost, so that the rounding is to nearest even.
    double value = hash >= 0 ? (double) hash : (double) ((hash >>> 1) | (hash & 1)) * 2;
    return value * 0x1p-64;
  }
}
