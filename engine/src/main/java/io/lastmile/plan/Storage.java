package io.lastmile.plan;

import io.lastmile.dataset.DType;
import io.lastmile.query.ColumnType.Kind;
import org.jspecify.annotations.Nullable;

/**
 * How values of a column lie in memory: the SQL that makes them so, and the dtype they then have.
 *
 * @param sql scalar expression, or one that gives lists
 * @param dtype of the values
 */
record Storage(String sql, DType dtype) {
  /**
   * The storage of scalars: of the wanted dtype, or else the one of their own type; null when the
   * type has none.
   */
  static @Nullable Storage scalar(String sql, Kind kind, @Nullable DType wanted) {
    DType natural = natural(kind);
    if (wanted == null || wanted == natural) {
      return natural == null ? null : new Storage(cast(sql, kind, ""), natural);
    }
    return switch (kind) {
      case DATE ->
          new Storage(
              "CAST(CAST((" + sql + ") - DATE '1970-01-01' AS BIGINT) AS " + wanted.sql() + ")",
              wanted);
      case TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMP_TZ, TIMESTAMP_TZ_NS ->
          new Storage(
              "CAST(epoch_us(" + cast(sql, kind, "") + ") AS " + wanted.sql() + ")", wanted);
      case VARCHAR, BLOB, TIME -> null;
      default -> new Storage("CAST((" + sql + ") AS " + wanted.sql() + ")", wanted);
    };
  }

  /**
   * The storage of the values of lists, or of fixed-size lists with a suffix such as {@code [64]};
   * null when the type has none.
   */
  static @Nullable Storage list(String sql, Kind element, @Nullable DType wanted, String suffix) {
    DType natural = natural(element);
    if (wanted == null || wanted == natural) {
      return natural == null ? null : new Storage(cast(sql, element, suffix), natural);
    }
    return switch (element) {
      case DATE,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS,
          VARCHAR,
          BLOB,
          TIME ->
          null;
      default -> new Storage("CAST((" + sql + ") AS " + wanted.sql() + suffix + ")", wanted);
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

  /** Nanoseconds cut, not rounded, to microseconds: the engine's own cast rounds. */
  private static String microseconds(String sql, String suffix) {
    return suffix.isEmpty()
        ? "make_timestamp(epoch_ns(" + sql + ") // 1000)"
        : "CAST(list_transform("
            + sql
            + ", lambda ns: make_timestamp(epoch_ns(ns) // 1000)) AS TIMESTAMP"
            + suffix
            + ")";
  }
}
