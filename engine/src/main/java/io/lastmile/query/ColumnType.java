package io.lastmile.query;

import org.jspecify.annotations.Nullable;

/** The type of a column, as far as Lastmile tells types apart. */
public sealed interface ColumnType {
  /** The name of this type in SQL. */
  String sql();

  /** One value a row. */
  record Scalar(Kind kind) implements ColumnType {
    @Override
    public String sql() {
      return kind.sql();
    }
  }

  /** Any number of values a row. */
  record ListOf(ColumnType element) implements ColumnType {
    @Override
    public String sql() {
      return element.sql() + "[]";
    }
  }

  /** The same number of values in each row. */
  record ArrayOf(ColumnType element, int length) implements ColumnType {
    @Override
    public String sql() {
      return element.sql() + "[" + length + "]";
    }
  }

  /**
   * A type that Lastmile only names: a struct, a map, an interval.
   *
   * @param refusal why no column of it may be used, for the user; null: it may
   */
  record Other(String sql, @Nullable String refusal) implements ColumnType {
    /** A type of which expressions may make something else. */
    public Other(String sql) {
      this(sql, null);
    }
  }

  /** The scalar types. */
  enum Kind {
    BOOLEAN("BOOLEAN"),
    TINYINT("TINYINT"),
    SMALLINT("SMALLINT"),
    INTEGER("INTEGER"),
    BIGINT("BIGINT"),
    UTINYINT("UTINYINT"),
    USMALLINT("USMALLINT"),
    UINTEGER("UINTEGER"),
    UBIGINT("UBIGINT"),
    HUGEINT("HUGEINT"),
    FLOAT("FLOAT"),
    DOUBLE("DOUBLE"),
    /** int32 days since 1970-01-01. */
    DATE("DATE"),
    /** int64 microseconds, as all timestamps but those that name another unit. */
    TIMESTAMP("TIMESTAMP"),
    TIMESTAMP_S("TIMESTAMP_S"),
    TIMESTAMP_MS("TIMESTAMP_MS"),
    TIMESTAMP_NS("TIMESTAMP_NS"),
    TIMESTAMP_TZ("TIMESTAMP WITH TIME ZONE"),
    TIMESTAMP_TZ_NS("TIMESTAMPTZ_NS"),
    /** int64 microseconds since midnight. */
    TIME("TIME"),
    /** Of any width and scale; cast it to a type that can be read. */
    DECIMAL("DECIMAL"),
    /** UTF-8. */
    VARCHAR("VARCHAR"),
    BLOB("BLOB");

    private final String sql;

    Kind(String sql) {
      this.sql = sql;
    }

    /** The name of this type in SQL. */
    public String sql() {
      return sql;
    }
  }
}
