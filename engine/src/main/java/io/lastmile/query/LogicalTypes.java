package io.lastmile.query;

import io.lastmile.query.ColumnType.Kind;
import org.jspecify.annotations.Nullable;

/** DuckDB's logical types, by the ids of its C API. */
final class LogicalTypes {
  static final int BOOLEAN = 1;
  static final int TINYINT = 2;
  static final int SMALLINT = 3;
  static final int INTEGER = 4;
  static final int BIGINT = 5;
  static final int UTINYINT = 6;
  static final int USMALLINT = 7;
  static final int UINTEGER = 8;
  static final int UBIGINT = 9;
  static final int FLOAT = 10;
  static final int DOUBLE = 11;
  static final int TIMESTAMP = 12;
  static final int DATE = 13;
  static final int TIME = 14;
  static final int HUGEINT = 16;
  static final int VARCHAR = 17;
  static final int BLOB = 18;
  static final int DECIMAL = 19;
  static final int TIMESTAMP_S = 20;
  static final int TIMESTAMP_MS = 21;
  static final int TIMESTAMP_NS = 22;
  static final int LIST = 24;
  static final int TIMESTAMP_TZ = 31;
  static final int ARRAY = 33;
  static final int ANY = 34;
  static final int NULL = 36;
  static final int TIMESTAMP_TZ_NS = 42;

  private LogicalTypes() {}

  /** The type behind a handle, which stays the caller's. */
  static ColumnType read(long type) {
    int id = DuckDb.state(DuckDb.TYPE_ID, type);
    if (id == LIST) {
      return new ColumnType.ListOf(element(DuckDb.call(DuckDb.LIST_ELEMENT, type)));
    }
    if (id == ARRAY) {
      int length = Math.toIntExact(DuckDb.call(DuckDb.ARRAY_LENGTH, type));
      return new ColumnType.ArrayOf(element(DuckDb.call(DuckDb.ARRAY_ELEMENT, type)), length);
    }
    Kind kind = kind(id);
    return kind == null ? new ColumnType.Other(otherName(id)) : new ColumnType.Scalar(kind);
  }

  /** The id of a vector's type. */
  static int ofVector(long vector) {
    long type = DuckDb.call(DuckDb.VECTOR_TYPE, vector);
    int id = DuckDb.state(DuckDb.TYPE_ID, type);
    DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
    return id;
  }

  /** Bytes of a DECIMAL's value, given its handle. */
  static int decimalWidth(long type) {
    return switch (DuckDb.state(DuckDb.DECIMAL_TYPE, type)) {
      case SMALLINT -> 2;
      case INTEGER -> 4;
      case BIGINT -> 8;
      default -> 16;
    };
  }

  /** The name of a type in SQL, without the types inside. */
  static String name(int id) {
    Kind kind = kind(id);
    return kind == null ? otherName(id) : kind.sql();
  }

  private static ColumnType element(long type) {
    try {
      return read(type);
    } finally {
      DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
    }
  }

  private static @Nullable Kind kind(int id) {
    return switch (id) {
      case BOOLEAN -> Kind.BOOLEAN;
      case TINYINT -> Kind.TINYINT;
      case SMALLINT -> Kind.SMALLINT;
      case INTEGER -> Kind.INTEGER;
      case BIGINT -> Kind.BIGINT;
      case UTINYINT -> Kind.UTINYINT;
      case USMALLINT -> Kind.USMALLINT;
      case UINTEGER -> Kind.UINTEGER;
      case UBIGINT -> Kind.UBIGINT;
      case HUGEINT -> Kind.HUGEINT;
      case FLOAT -> Kind.FLOAT;
      case DOUBLE -> Kind.DOUBLE;
      case TIMESTAMP -> Kind.TIMESTAMP;
      case TIMESTAMP_S -> Kind.TIMESTAMP_S;
      case TIMESTAMP_MS -> Kind.TIMESTAMP_MS;
      case TIMESTAMP_NS -> Kind.TIMESTAMP_NS;
      case TIMESTAMP_TZ -> Kind.TIMESTAMP_TZ;
      case TIMESTAMP_TZ_NS -> Kind.TIMESTAMP_TZ_NS;
      case DATE -> Kind.DATE;
      case TIME -> Kind.TIME;
      case DECIMAL -> Kind.DECIMAL;
      case VARCHAR -> Kind.VARCHAR;
      case BLOB -> Kind.BLOB;
      default -> null;
    };
  }

  /** The name of a type that Lastmile does not read. */
  private static String otherName(int id) {
    return switch (id) {
      case 15 -> "INTERVAL";
      case 23 -> "ENUM";
      case LIST -> "LIST";
      case ARRAY -> "ARRAY";
      case 25 -> "STRUCT";
      case 26 -> "MAP";
      case 27 -> "UUID";
      case 28 -> "UNION";
      case 29 -> "BIT";
      case 30 -> "TIME WITH TIME ZONE";
      case 32 -> "UHUGEINT";
      case 35 -> "BIGNUM";
      case NULL -> "NULL";
      case 37 -> "STRING_LITERAL";
      case 38 -> "INTEGER_LITERAL";
      case 39 -> "TIME_NS";
      case 40 -> "GEOMETRY";
      case 41 -> "VARIANT";
      default -> "type " + id;
    };
  }
}
