package io.lastmile.dataset;

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
  /** The columns of a tensor. */
  public sealed interface Columns {
    /** One column by its name: [batch], or a list column. */
    record One(String name) implements Columns {}

    /** Names and globs: a matrix [batch, n], also when n is 1. */
    record Many(List<String> patterns) implements Columns {
      public Many {
        patterns = List.copyOf(patterns);
      }
    }
  }

  /**
   * XXH64(UTF-8, seed) mod buckets.
   *
   * @param buckets &gt; 0
   */
  public record Hash(long buckets, long seed) {}
}
