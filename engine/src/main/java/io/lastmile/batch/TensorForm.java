package io.lastmile.batch;

import io.lastmile.dataset.DType;
import io.lastmile.dataset.Tensor;
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
 * @param cut what stays of long lists
 * @param padBits the value behind the lists of {@link Kind#PADDED}, as the bits of the dtype
 * @param unit of its values where they have one, in words; else empty
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
    Cut cut,
    long padBits,
    String unit) {
  /** Who a form is for. */
  public enum Role {
    TENSOR,
    /** Which values are there of the tensor of the same name, the form before it. */
    MASK,
    KEY,
    /** The copy number of the row identity, for Lastmile itself; the script does not see it. */
    COPY,
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
    /** [rows, width], one list of at most that length per row, at the left. */
    PADDED,
    /** values [total] and offsets int64 [rows + 1]. */
    RAGGED,
    /**
     * One key of several forms of one name and role, neighbours: as RAGGED while rows are added;
     * then values [total of all keys], key by key, and lengths int32 [keys × rows].
     */
    KEYED,
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

  /**
   * What stays of a list.
   *
   * @param most values
   * @param kept its first or its last ones
   */
  public record Cut(int most, Tensor.Truncate kept) {
    /** Lists as they are. */
    public static final Cut NONE = new Cut(Integer.MAX_VALUE, Tensor.Truncate.FIRST);
  }

  /** A form of one value per row that is not filled. */
  public static TensorForm column(String name, Role role, DType dtype, String column, int result) {
    return new TensorForm(
        name,
        role,
        Kind.COLUMN,
        Nesting.FLAT,
        dtype,
        1,
        List.of(column),
        List.of(result),
        Conversion.of(dtype),
        null,
        Cut.NONE,
        0,
        "");
  }

  public TensorForm {
    columns = List.copyOf(columns);
    results = List.copyOf(results);
  }

  /** A form of strings. */
  public static TensorForm text(String name, Role role, String column, int result) {
    TensorForm bytes = column(name, role, DType.UINT8, column, result);
    return new TensorForm(
        name,
        role,
        Kind.TEXT,
        Nesting.FLAT,
        bytes.dtype,
        1,
        bytes.columns,
        bytes.results,
        bytes.conversion,
        null,
        Cut.NONE,
        0,
        "");
  }

  /**
   * Which values of this form are there.
   *
   * @param ofNulls what the mask says of a null
   */
  public TensorForm mask(boolean ofNulls) {
    return new TensorForm(
        name,
        Role.MASK,
        kind,
        nesting,
        DType.BOOL,
        width,
        columns,
        results,
        Conversion.presence(),
        bits(DType.BOOL, ofNulls ? 1 : 0),
        cut,
        0,
        "");
  }

  /** Whether rows have different numbers of values, found through offsets. */
  public boolean ragged() {
    return kind == Kind.RAGGED || kind == Kind.KEYED || kind == Kind.TEXT;
  }

  /** Whether its values are the ids of a vocabulary, or stand for words that it does not have. */
  boolean listed() {
    return conversion instanceof Conversion.Listed;
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
