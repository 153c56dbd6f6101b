package io.lastmile.plan;

import io.lastmile.dataset.DType;
import io.lastmile.query.ColumnType.Kind;
import org.jspecify.annotations.Nullable;

/**
 * How values of a column lie in memory: the SQL that makes them so, and the dtype they then have.
 *
 * @param sql scalar expression, or one that gives lists
 * @param dtype of the values
 * @param unit of dates and timestamps, empty of other values
 */
record Storage(String sql, DType dtype, String unit) {
  private static final String DAYS = "days since 1970-01-01";
  private static final String MICROSECONDS = "microseconds since 1970-01-01 UTC";

  /**
   * The storage of scalars: of the wanted dtype, or else the one of their own type; null when the
   * type has none.
   */
  static @Nullable Storage scalar(String sql, Kind kind, @Nullable DType wanted) {
    DType natural = natural(kind);
    if (wanted == null || wanted == natural) {
      return natural == null ? null : new Storage(cast(sql, kind, ""), natural, unit(kind));
    }
    return switch (unit(kind)) {
      case DAYS -> of("CAST((" + sql + ") - DATE '1970-01-01' AS BIGINT)", wanted, "", DAYS);
      case MICROSECONDS -> of("epoch_us(" + cast(sql, kind, "") + ")", wanted, "", MICROSECONDS);
      default -> natural == null && !number(kind) ? null : of(sql, wanted, "", "");
    };
  }

  /**
   * The storage of the values of lists, or of fixed-size lists with a suffix such as {@code [64]};
   * null when the type has none.
   */
  static @Nullable Storage list(String sql, Kind element, @Nullable DType wanted, String suffix) {
    DType natural = natural(element);
    if (wanted == null || wanted == natural) {
      return natural == null
          ? null
          : new Storage(cast(sql, element, suffix), natural, unit(element));
    }
    return switch (unit(element)) {
      case DAYS ->
          of(
              "list_transform(" + sql + ", lambda day: day - DATE '1970-01-01')",
              wanted,
              suffix,
              DAYS);
      case MICROSECONDS ->
          of(
              "list_transform(" + cast(sql, element, suffix) + ", lambda time: epoch_us(time))",
              wanted,
              suffix,
              MICROSECONDS);
      default -> natural == null && !number(element) ? null : of(sql, wanted, suffix, "");
    };
  }

  private static Storage of(String sql, DType wanted, String suffix, String unit) {
    return new Storage("CAST((" + sql + ") AS " + wanted.sql() + suffix + ")", wanted, unit);
  }

  /** Whether values have no dtype of their own, but can be cast to one. */
  private static boolean number(Kind kind) {
    return kind == Kind.HUGEINT || kind == Kind.DECIMAL;
  }

  private static String unit(Kind kind) {
    return switch (kind) {
      case DATE -> DAYS;
      case TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMP_TZ, TIMESTAMP_TZ_NS ->
          MICROSECONDS;
      default -> "";
    };
  }

  /** The dtype of a type's own values; null for those that need a cast first, or have none. */
  private static @Nullable DType natural(Kind kind) {
    return switch (kind) {
      case BOOLEAN -> DType.BOOL;
      case TINYINT -> DType.INT8;
      case SMALLINT, UTINYINT -> DType.INT16;
      case INTEGER, USMALLINT, DATE -> DType.INT32;
      case BIGINT,
          UINTEGER,
          UBIGINT,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS ->
          DType.INT64;
      case FLOAT -> DType.FLOAT32;
      case DOUBLE -> DType.FLOAT64;
      case HUGEINT, DECIMAL, TIME, VARCHAR, BLOB -> null;
    };
  }

  /** A cast where the engine's own memory differs from that of the natural dtype. */
  private static String cast(String sql, Kind kind, String suffix) {
    return switch (kind) {
      case UTINYINT -> "CAST((" + sql + ") AS SMALLINT" + suffix + ")";
      case USMALLINT -> "CAST((" + sql + ") AS INTEGER" + suffix + ")";
      case UINTEGER, UBIGINT -> "CAST((" + sql + ") AS BIGINT" + suffix + ")";
      case TIMESTAMP_S, TIMESTAMP_MS -> "CAST((" + sql + ") AS TIMESTAMP" + suffix + ")";
      case TIMESTAMP_NS, TIMESTAMP_TZ_NS -> microseconds(sql, suffix);
      default -> sql;
    };
  }

  /** Nanoseconds rounded down to microseconds: the engine's own cast rounds to the nearest. */
  private static String microseconds(String sql, String suffix) {
    return suffix.isEmpty()
        ? floor("(" + sql + ")")
        : "CAST(list_transform("
            + sql
            + ", lambda ns: "
            + floor("ns")
            + ") AS TIMESTAMP"
            + suffix
            + ")";
  }

  /** The engine's own division rounds toward zero. */
  private static String floor(String time) {
    return "make_timestamp(epoch_ns(%s) // 1000 - CAST(epoch_ns(%s) %% 1000 < 0 AS BIGINT))"
        .formatted(time, time);
  }
}
