package io.lastmile.batch;

import io.lastmile.dataset.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a tensor or key of the batch looks like, and which columns of the query's result it is
 * packed from.
 *
 * @param name in the batch
 * @param role who it is for
 * @param kind its shape
 * @param nesting how the query's vectors hold its values
 * @param dtype of its values; UINT8 for {@link Kind#TEXT}
 * @param width values per row: n of a matrix or fixed-size list, else 1
 * @param columns names of the dataset's columns, one per result column
 * @param results indices of the result columns
 * @param conversion of the vectors' values
 * @param fillBits the value that replaces a null, as the bits of the dtype; null: a null is an
 *     error
 * @param maxLength lists are cut to their first this many values
 */
public record TensorForm(
    String name,
    Role role,
    Kind kind,
    Nesting nesting,
    DType dtype,
    int width,
    List<String> columns,
    List<Integer> results,
    Conversion conversion,
    @Nullable Long fillBits,
    int maxLength) {
  /** Who a form is for. */
  public enum Role {
    TENSOR,
    KEY,
    /** The row identity, for Lastmile itself; the script does not see it. */
    IDENTITY
  }

  /** The shape of a form. */
  public enum Kind {
    /** [rows]. */
    COLUMN,
    /** [rows, width], one result column per value. */
    MATRIX,
    /** [rows, width], one list of that length per row. */
    FIXED,
    /** values [total] and offsets int64 [rows + 1]. */
    RAGGED,
    /** UTF-8 bytes [total] and offsets int64 [rows + 1]. */
    TEXT
  }

  /** How the query's vectors hold the values. */
  public enum Nesting {
    /** One value per row. */
    FLAT,
    /** An (offset, length) entry per row into a child vector. */
    LIST,
    /** {@code width} values per row in a child vector. */
    ARRAY
  }

  public TensorForm {
    columns = List.copyOf(columns);
    results = List.copyOf(results);
  }

  /** Whether rows have different numbers of values, found through offsets. */
  public boolean ragged() {
    return kind == Kind.RAGGED || kind == Kind.TEXT;
  }

  /** Bytes of one row; of a ragged form 0. */
  public int rowBytes() {
    return ragged() ? 0 : width * dtype.bytes();
  }

  /** The bits of a fill value in the dtype's own representation, zero-extended. */
  public static long bits(DType dtype, double fill) {
    return switch (dtype) {
      case BOOL -> fill == 0 ? 0 : 1;
      case INT8, UINT8, INT16, INT32, INT64 -> (long) fill;
      case FLOAT16 -> Short.toUnsignedLong(Float.floatToFloat16((float) fill));
      case BFLOAT16 -> Conversion.Brain.bits((float) fill);
      case FLOAT32 -> Integer.toUnsignedLong(Float.floatToRawIntBits((float) fill));
      case FLOAT64 -> Double.doubleToRawLongBits(fill);
    };
  }
}
