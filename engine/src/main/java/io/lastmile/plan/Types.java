package io.lastmile.plan;

import io.lastmile.dataset.DType;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which types may be used for what. */
final class Types {
  private static final Set<Kind> INTEGERS =
      EnumSet.of(
          Kind.TINYINT,
          Kind.SMALLINT,
          Kind.INTEGER,
          Kind.BIGINT,
          Kind.UTINYINT,
          Kind.USMALLINT,
          Kind.UINTEGER,
          Kind.UBIGINT);
  private static final Set<Kind> UNSIGNED =
      EnumSet.of(Kind.UTINYINT, Kind.USMALLINT, Kind.UINTEGER, Kind.UBIGINT);
  private static final Set<Kind> OTHER_NUMBERS =
      EnumSet.of(Kind.HUGEINT, Kind.FLOAT, Kind.DOUBLE, Kind.DECIMAL);
  private static final Set<Kind> OTHER_KEYS =
      EnumSet.of(
          Kind.BOOLEAN,
          Kind.DATE,
          Kind.TIMESTAMP,
          Kind.TIMESTAMP_S,
          Kind.TIMESTAMP_MS,
          Kind.TIMESTAMP_NS,
          Kind.TIMESTAMP_TZ,
          Kind.TIMESTAMP_TZ_NS,
          Kind.VARCHAR,
          Kind.BLOB);

  private static final String WHOLE = "CAST(CAST((%s) AS HUGEINT) AS VARCHAR)";

  private Types() {}

  /** Whether values of the type can be keys of a sampling hash. */
  static boolean hashable(ColumnType type) {
    return type instanceof ColumnType.Scalar scalar
        && (INTEGERS.contains(scalar.kind()) || OTHER_KEYS.contains(scalar.kind()));
  }

  static boolean numeric(ColumnType type) {
    return type instanceof ColumnType.Scalar scalar
        && (INTEGERS.contains(scalar.kind()) || OTHER_NUMBERS.contains(scalar.kind()));
  }

  /**
   * Whether values of a type, cast to a dtype, are positive (TRUE or above 0) where they were. A
   * DOUBLE below the least float32 is taken for 0 by all that use it so.
   */
  static boolean keepsSign(ColumnType type, DType dtype) {
    if (!(type instanceof ColumnType.Scalar(Kind kind))) {
      return false;
    }
    if (kind == Kind.BOOLEAN) {
      return true;
    }
    boolean whole = wide(kind);
    return switch (dtype) {
      case BOOL -> UNSIGNED.contains(kind);
      case INT8, UINT8, INT16, INT32, INT64, FLOAT16 -> whole;
      case BFLOAT16, FLOAT32, FLOAT64 -> whole || OTHER_NUMBERS.contains(kind);
    };
  }

  /**
   * How keys of two types are written so that equal ones have equal bytes: SQL with {@code %s} for
   * the key; null when they cannot be compared.
   */
  static @Nullable String keyForm(ColumnType left, ColumnType right) {
    if (!(left instanceof ColumnType.Scalar(Kind mine))
        || !(right instanceof ColumnType.Scalar(Kind other))) {
      return null;
    }
    if (INTEGERS.contains(mine) && INTEGERS.contains(other)) {
      boolean alike = (mine == Kind.UBIGINT) == (other == Kind.UBIGINT);
      return alike ? "%s" : WHOLE;
    }
    if (wide(mine) && wide(other)) {
      return WHOLE;
    }
    if (floating(mine) && floating(other)) {
      // -0.0 equals 0.0
      return "CAST(CAST((%s) AS DOUBLE) + 0.0 AS VARCHAR)";
    }
    if (mine != other || !OTHER_KEYS.contains(mine)) {
      return null;
    }
    boolean nanoseconds = mine == Kind.TIMESTAMP_NS || mine == Kind.TIMESTAMP_TZ_NS;
    return nanoseconds ? "epoch_ns(%s)" : "%s";
  }

  private static boolean wide(Kind kind) {
    return kind == Kind.HUGEINT || INTEGERS.contains(kind);
  }

  private static boolean floating(Kind kind) {
    return kind == Kind.FLOAT || kind == Kind.DOUBLE;
  }
}
