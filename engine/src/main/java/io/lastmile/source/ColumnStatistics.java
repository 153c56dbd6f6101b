package io.lastmile.source;

import org.jspecify.annotations.Nullable;

/**
 * What a footer says of the values of a column in a row group. What it does not say, or not
 * reliably, is null.
 *
 * @param family of the bounds; null: there are none
 * @param min SQL of a value that none is less than, NaN not counted
 * @param max SQL of a value that none is greater than, NaN not counted
 * @param nulls how many values are null
 */
public record ColumnStatistics(
    @Nullable Family family, @Nullable String min, @Nullable String max, @Nullable Long nulls) {
  /** What the SQL of bounds gives. */
  public enum Family {
    BOOLEAN,
    NUMBER,
    /** A date or timestamp. */
    TIME,
    /** A BLOB: the bytes of a string too, which may be cut within a character. */
    BYTES
  }

  /** Whether values lie between known bounds. */
  public boolean bounded() {
    return min != null && max != null;
  }
}
