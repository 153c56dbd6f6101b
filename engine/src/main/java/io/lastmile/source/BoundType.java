package io.lastmile.source;

import io.lastmile.source.ColumnStatistics.Family;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * How the bounds of a column are written in statistics: in the plain encoding of its physical type,
 * ordered by its logical type
 * (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md).
 *
 * @param physical type as in parquet.thrift
 * @param meaning its logical type
 * @param precision digits of a decimal
 * @param scale digits of a decimal behind the point
 */
record BoundType(int physical, Meaning meaning, int precision, int scale) {
  static final int BOOLEAN = 0;
  static final int INT32 = 1;
  static final int INT64 = 2;
  static final int FLOAT = 4;
  static final int DOUBLE = 5;
  static final int BYTE_ARRAY = 6;
  static final int FIXED_LEN_BYTE_ARRAY = 7;

  /** Digits of a decimal of the engine. */
  static final int MOST_DIGITS = 38;

  /** The logical types whose order is known. */
  enum Meaning {
    /** The physical type itself. */
    NONE,
    UNSIGNED,
    DECIMAL,
    DATE,
    MILLISECONDS,
    MICROSECONDS,
    NANOSECONDS,
    TEXT,
    /** A type without an order, or one that is not needed. */
    OTHER
  }

  /** What the bounds give; null where none can be used. */
  @Nullable Family family() {
    return switch (meaning) {
      case NONE ->
          switch (physical) {
            case BOOLEAN -> Family.BOOLEAN;
            case INT32, INT64, FLOAT, DOUBLE -> Family.NUMBER;
            case BYTE_ARRAY -> Family.BYTES;
            default -> null;
          };
      case UNSIGNED -> isInteger() ? Family.NUMBER : null;
      case DECIMAL ->
          precision <= MOST_DIGITS
                  && (isInteger() || physical == BYTE_ARRAY || physical == FIXED_LEN_BYTE_ARRAY)
              ? Family.NUMBER
              : null;
      case DATE -> physical == INT32 ? Family.TIME : null;
      case MILLISECONDS, MICROSECONDS, NANOSECONDS -> physical == INT64 ? Family.TIME : null;
      case TEXT -> physical == BYTE_ARRAY ? Family.BYTES : null;
      case OTHER -> null;
    };
  }

  /** The SQL type of decimals with more digits than can be read; null for all else. */
  @Nullable String wideDecimal() {
    return meaning == Meaning.DECIMAL && precision > MOST_DIGITS
        ? "DECIMAL(%d,%d)".formatted(precision, scale)
        : null;
  }

  private boolean isInteger() {
    return physical == INT32 || physical == INT64;
  }

  /** A bound as SQL; null where it says nothing: NaN, the wrong length, out of range. */
  @Nullable String sql(byte[] bound) {
    return switch (physical) {
      case BOOLEAN -> bound.length == 1 ? Boolean.toString(bound[0] != 0) : null;
      case INT32 -> bound.length == 4 ? integer(little(bound).getInt()) : null;
      case INT64 -> bound.length == 8 ? integer(little(bound).getLong()) : null;
      case FLOAT -> bound.length == 4 ? floating(little(bound).getFloat()) : null;
      case DOUBLE -> bound.length == 8 ? floating(little(bound).getDouble()) : null;
      case BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY ->
          meaning == Meaning.DECIMAL ? bytesOfDecimal(bound) : bytes(bound);
      default -> null;
    };
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private @Nullable String integer(long value) {
    return switch (meaning) {
      case UNSIGNED ->
          physical == INT32 ? Long.toString(value & 0xFFFFFFFFL) : Long.toUnsignedString(value);
      case DECIMAL -> decimal(BigInteger.valueOf(value));
      case DATE -> "make_date(" + value + ")";
      case MILLISECONDS ->
          Math.abs(value) > Long.MAX_VALUE / 1000 ? null : "make_timestamp(" + value * 1000 + ")";
      case MICROSECONDS -> "make_timestamp(" + value + ")";
      case NANOSECONDS -> "make_timestamp_ns(" + value + ")";
      case NONE, TEXT, OTHER -> Long.toString(value);
    };
  }

  private static @Nullable String floating(float value) {
    return Float.isNaN(value) ? null : "CAST('" + word(Float.toString(value)) + "' AS FLOAT)";
  }

  private static @Nullable String floating(double value) {
    return Double.isNaN(value) ? null : "CAST('" + word(Double.toString(value)) + "' AS DOUBLE)";
  }

  private static String word(String number) {
    return number.replace("Infinity", "inf");
  }

  private @Nullable String bytesOfDecimal(byte[] bound) {
    return bound.length == 0 ? null : decimal(new BigInteger(bound));
  }

  private @Nullable String decimal(BigInteger unscaled) {
    BigDecimal value = new BigDecimal(unscaled, scale);
    return value.precision() > precision
        ? null
        : "CAST('%s' AS DECIMAL(%d, %d))".formatted(value.toPlainString(), precision, scale);
  }

  private static String bytes(byte[] bound) {
    return "unhex('" + HexFormat.of().formatHex(bound) + "')";
  }
}
