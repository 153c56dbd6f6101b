package io.lastmile.dataset;

/** The type of a tensor's values. */
public enum DType implements Worded {
  BOOL(1, "|b1", "BOOLEAN"),
  INT8(1, "|i1", "TINYINT"),
  UINT8(1, "|u1", "UTINYINT"),
  INT16(2, "<i2", "SMALLINT"),
  INT32(4, "<i4", "INTEGER"),
  INT64(8, "<i8", "BIGINT"),
  FLOAT16(2, "<f2", "FLOAT"),
  BFLOAT16(2, "bfloat16", "FLOAT"),
  FLOAT32(4, "<f4", "FLOAT"),
  FLOAT64(8, "<f8", "DOUBLE");

  /** From here on values are rounded to infinity: half a step beyond the largest bfloat16. */
  private static final float BFLOAT16_BOUND = 0x1.FFp127f;

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

  /** The dtype string of numpy, which has no bfloat16: that goes by its own name. */
  public String numpy() {
    return numpy;
  }

  /** The SQL type with the same values; of 16-bit floats the one they are rounded from. */
  public String sql() {
    return sql;
  }

  /**
   * Whether the type has this very value; floating-point types round, and hold what stays finite.
   */
  public boolean holds(double value) {
    return switch (this) {
      case FLOAT16 -> Float.isFinite(Float.float16ToFloat(Float.floatToFloat16((float) value)));
      case BFLOAT16 -> Math.abs((float) value) < BFLOAT16_BOUND;
      case FLOAT32 -> Float.isFinite((float) value);
      case FLOAT64 -> Double.isFinite(value);
      case BOOL -> value == 0 || value == 1;
      case UINT8 -> value == Math.rint(value) && value >= 0 && value < 256;
      case INT8, INT16, INT32, INT64 -> {
        double bound = Math.scalb(1.0, 8 * bytes - 1);
        yield value == Math.rint(value) && value >= -bound && value < bound;
      }
    };
  }
}
