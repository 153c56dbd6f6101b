package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of the batch.
 *
 * @param name in the batch
 * @param columns it is made of
 * @param dtype of its values; null: that of the source
 * @param fill replaces nulls, also inside lists, never NaN; null: a null ends the run
 * @param maxLength lists are cut to their first this many values; null: not cut
 * @param hash strings become ids; null: they do not
 */
public record Tensor(
    String name,
    Columns columns,
    @Nullable DType dtype,
    @Nullable Double fill,
    @Nullable Integer maxLength,
    @Nullable Hash hash) {
  public Tensor {
    Checks.filled("name", name);
    if (maxLength != null) {
      Checks.positive("max_length", maxLength);
    }
    if (fill != null) {
      checkFill(fill, dtype);
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
    return new Tensor(name, columns, null, null, null, null);
  }

  /** This tensor of other columns. */
  Tensor columns(Columns others) {
    return new Tensor(name, others, dtype, fill, maxLength, hash);
  }

  /** This tensor with values of another type. */
  public Tensor dtype(DType type) {
    return new Tensor(name, columns, type, fill, maxLength, hash);
  }

  /** This tensor with a value in place of nulls. */
  public Tensor fill(double value) {
    return new Tensor(name, columns, dtype, value, maxLength, hash);
  }

  /** This tensor with its lists cut to so many values. */
  public Tensor maxLength(int values) {
    return new Tensor(name, columns, dtype, fill, values, hash);
  }

  /** This tensor with strings as ids, with the seed 0. */
  public Tensor hash(long buckets) {
    return hash(new Hash(buckets, 0));
  }

  /** This tensor with strings as ids. */
  public Tensor hash(Hash ids) {
    return new Tensor(name, columns, dtype, fill, maxLength, ids);
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
