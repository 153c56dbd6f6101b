package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of the batch. A {@link Dataset} has it {@linkplain #complete() complete}.
 *
 * @param name in the batch
 * @param columns it is made of
 * @param dtype of its values; null: that of the source
 * @param fill stands where there is no value, also inside lists, never for NaN; null: 0
 * @param nulls what becomes of nulls; null: filled where there is a fill, else an error
 * @param maxLength lists are cut to this many values; null: not cut
 * @param truncate which end of a list that is cut stays
 * @param pad whether lists become a matrix [batch, maxLength] with a mask
 * @param hash strings become ids; null: they do not
 * @param vocabulary file of UTF-8 text, one word a line: strings become the number of their line;
 *     null: they do not
 * @param layout of several columns
 */
public record Tensor(
    String name,
    Columns columns,
    @Nullable DType dtype,
    @Nullable Double fill,
    @Nullable Nulls nulls,
    @Nullable Integer maxLength,
    Truncate truncate,
    boolean pad,
    @Nullable Hash hash,
    @Nullable String vocabulary,
    Layout layout) {
  public Tensor {
    Checks.filled("name", name);
    if (maxLength != null) {
      Checks.positive("max_length", maxLength);
    }
    if (fill != null) {
      checkFill(fill, dtype);
    }
    if (vocabulary != null) {
      Checks.filled("vocabulary", vocabulary);
    }
  }

  private static void checkFill(double fill, @Nullable DType dtype) {
    if (!Double.isFinite(fill)) {
      throw LastmileException.user("fill", "Invalid fill: " + fill + " (must be finite)");
    }
    if (dtype != null && !dtype.holds(fill)) {
      throw LastmileException.user(
          "fill", "Invalid fill: " + fill + " (must be a value of " + dtype.word() + ")");
    }
  }

  /** A tensor of one column, or the matrix of the columns that a pattern matches. */
  public static Tensor of(String name, String columns) {
    return of(name, Columns.of(columns));
  }

  /** A matrix of these columns and patterns. */
  public static Tensor of(String name, List<String> columns) {
    return of(name, new Columns.Many(columns));
  }

  private static Tensor of(String name, Columns columns) {
    return new Tensor(
        name, columns, null, null, null, null, Truncate.FIRST, false, null, null, Layout.DENSE);
  }

  /**
   * This tensor with the defaults written out that hang on its other parts.
   *
   * @throws LastmileException of kind USER for parts that contradict each other
   */
  Tensor complete() {
    if (pad && maxLength == null) {
      throw LastmileException.user(
          "pad", "Invalid pad: true (needs max_length, the width of the matrix)");
    }
    if (truncate == Truncate.LAST && maxLength == null) {
      throw LastmileException.user(
          "truncate", "Invalid truncate: last (needs max_length, the values that stay)");
    }
    if (nulls == Nulls.ERROR && fill != null && !pad) {
      throw LastmileException.user("null", "Invalid null: error (the tensor has a fill)");
    }
    if (vocabulary != null && hash != null) {
      throw LastmileException.user(
          "vocabulary",
          "Invalid vocabulary: \"" + vocabulary + "\" (the tensor has a hash; take one of them)");
    }
    if (layout == Layout.KEYED) {
      checkKeyed();
    }
    Nulls become = whenNull();
    Double value = fill == null && become != Nulls.ERROR ? Double.valueOf(0) : fill;
    return new Tensor(
        name, columns, dtype, value, become, maxLength, truncate, pad, hash, vocabulary, layout);
  }

  private void checkKeyed() {
    if (pad) {
      throw LastmileException.user("pad", "Invalid pad: true (a keyed tensor is no matrix)");
    }
    if (nulls == Nulls.MASK) {
      throw LastmileException.user(
          "null", "Invalid null: mask (a keyed tensor has no mask; take fill or error)");
    }
  }

  /** What becomes of nulls, the default resolved. */
  public Nulls whenNull() {
    if (nulls != null) {
      return nulls;
    }
    return fill == null ? Nulls.ERROR : Nulls.FILL;
  }

  /** This tensor of other columns. */
  Tensor columns(Columns others) {
    return new Tensor(
        name, others, dtype, fill, nulls, maxLength, truncate, pad, hash, vocabulary, layout);
  }

  /** This tensor with values of another type. */
  public Tensor dtype(DType type) {
    return new Tensor(
        name, columns, type, fill, nulls, maxLength, truncate, pad, hash, vocabulary, layout);
  }

  /** This tensor with a value where there is none: for nulls, and behind lists that are padded. */
  public Tensor fill(double value) {
    return new Tensor(
        name, columns, dtype, value, nulls, maxLength, truncate, pad, hash, vocabulary, layout);
  }

  /** This tensor with nulls filled, refused or masked. */
  public Tensor nulls(Nulls become) {
    return new Tensor(
        name, columns, dtype, fill, become, maxLength, truncate, pad, hash, vocabulary, layout);
  }

  /** This tensor with its lists cut to so many values. */
  public Tensor maxLength(int values) {
    return new Tensor(
        name, columns, dtype, fill, nulls, values, truncate, pad, hash, vocabulary, layout);
  }

  /** This tensor with one end of its lists staying where they are cut. */
  public Tensor truncate(Truncate stays) {
    return new Tensor(
        name, columns, dtype, fill, nulls, maxLength, stays, pad, hash, vocabulary, layout);
  }

  /** This tensor with its lists as a matrix [batch, maxLength] and a mask. */
  public Tensor padded() {
    return new Tensor(
        name, columns, dtype, fill, nulls, maxLength, truncate, true, hash, vocabulary, layout);
  }

  /** This tensor with strings as ids, with the seed 0. */
  public Tensor hash(long buckets) {
    return hash(new Hash(buckets, 0));
  }

  /** This tensor with strings as ids. */
  public Tensor hash(Hash ids) {
    return new Tensor(
        name, columns, dtype, fill, nulls, maxLength, truncate, pad, ids, vocabulary, layout);
  }

  /** This tensor with strings as the numbers of their lines in a file; others are 0. */
  public Tensor vocabulary(String file) {
    return new Tensor(
        name, columns, dtype, fill, nulls, maxLength, truncate, pad, hash, file, layout);
  }

  /** This tensor with its columns laid out in another way. */
  public Tensor layout(Layout way) {
    return new Tensor(
        name, columns, dtype, fill, nulls, maxLength, truncate, pad, hash, vocabulary, way);
  }

  /** How the columns of a tensor lie in memory. */
  public enum Layout implements Worded {
    /** Scalars side by side, a matrix; lists one after the other. */
    DENSE,
    /** Lists, or scalars as lists of one, column by column: the layout of a keyed jagged tensor. */
    KEYED
  }

  /** What becomes of nulls. */
  public enum Nulls implements Worded {
    /** The fill takes their place. */
    FILL,
    /** A null ends the run. */
    ERROR,
    /** As {@link #FILL}, and a mask beside the values tells which were there. */
    MASK
  }

  /** Which end of a list that is too long stays. */
  public enum Truncate implements Worded {
    FIRST,
    LAST
  }

  /** The columns of a tensor. */
  public sealed interface Columns {
    /** One column, or the columns that a pattern matches. */
    static Columns of(String text) {
      return isPattern(text) ? new Many(List.of(text)) : new One(text);
    }

    /** Whether this is a pattern ({@code *} any letters, {@code ?} one letter), not a name. */
    static boolean isPattern(String text) {
      return text.indexOf('*') >= 0 || text.indexOf('?') >= 0;
    }

    /** One column by its name: [batch], or a list column. */
    record One(String name) implements Columns {
      public One {
        Checks.filled("columns", name);
        if (isPattern(name)) {
          throw LastmileException.user(
              "columns", "Invalid columns: \"" + name + "\" (a pattern makes a matrix)");
        }
      }
    }

    /** Names and globs: a matrix [batch, n], also when n is 1. */
    record Many(List<String> patterns) implements Columns {
      public Many {
        patterns = List.copyOf(patterns);
        Checks.someNames("columns", patterns);
      }
    }
  }

  /**
   * XXH64(UTF-8, seed) mod buckets.
   *
   * @param buckets &gt; 0
   * @param seed of the hash; 0 unless the tensor says otherwise, whatever the experiment's seed, so
   *     that ids stay the same from one experiment to the next
   */
  public record Hash(long buckets, long seed) {
    public Hash {
      Checks.positive("buckets", buckets);
    }
  }
}
