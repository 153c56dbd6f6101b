package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import java.util.EnumSet;
import java.util.Set;

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

  /** Whether keys of the two types can be equal. */
  static boolean comparable(ColumnType left, ColumnType right) {
    if (!(left instanceof ColumnType.Scalar) || !(right instanceof ColumnType.Scalar)) {
      return false;
    }
    return left.equals(right)
        || (numeric(left) && numeric(right) && floating(left) == floating(right));
  }

  /** Integers beyond 2^53 would be equal to others as floating-point numbers. */
  private static boolean floating(ColumnType type) {
    return type instanceof ColumnType.Scalar scalar
        && (scalar.kind() == Kind.FLOAT || scalar.kind() == Kind.DOUBLE);
  }
}
