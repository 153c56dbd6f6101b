package io.lastmile.dataset;

import java.util.Locale;

/** The type of a tensor's values. */
public enum DType {
  BOOL(1, "|b1", "BOOLEAN"),
  INT8(1, "|i1", "TINYINT"),
  UINT8(1, "|u1", "UTINYINT"),
  INT16(2, "<i2", "SMALLINT"),
  INT32(4, "<i4", "INTEGER"),
  INT64(8, "<i8", "BIGINT"),
  FLOAT32(4, "<f4", "FLOAT"),
  FLOAT64(8, "<f8", "DOUBLE");

  private final int bytes;
  private final String numpy;
  private final String sql;

  DType(int bytes, String numpy, String sql) {
    this.bytes = bytes;
    this.numpy = numpy;
    this.sql = sql;
  }

  /** Bytes of one value. */
  public int bytes() {
    return bytes;
  }

  /** The dtype string of numpy. */
  public String numpy() {
    return numpy;
  }

  /** The SQL type with the same values. */
  public String sql() {
    return sql;
  }

  /** The word for it in YAML and JSON. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
