package io.lastmile.estimate;

import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A number that is estimated, and between which bounds it lies with a confidence of {@link #LEVEL}.
 * Both bounds are null where the sample does not tell them; they are equal where the number is
 * known.
 *
 * @param estimate the most likely value
 * @param low not less than this
 * @param high not more than this
 */
public record Interval(long estimate, @Nullable Long low, @Nullable Long high) {
  /** The share of intervals of many samples that hold the true number. */
  public static final double LEVEL = 0.95;

  private static final double ROUNDING = 1e-9;

  /** A number that is known. */
  public static Interval exactly(long number) {
    return new Interval(number, number, number);
  }

  /** A number whose bounds the sample does not tell. */
  static Interval unbounded(double estimate) {
    return new Interval(Math.round(estimate), null, null);
  }

  /**
   * Whole numbers around an estimate: bounds are rounded away from it, to equal distances where
   * only rounding would make them different.
   */
  static Interval of(double estimate, double low, double high) {
    long middle = Math.round(estimate);
    long down = (long) Math.ceil(nearest(middle - low));
    long up = (long) Math.ceil(nearest(high - middle));
    boolean even = down > 0 && up > 0 && Math.abs(up - down) == 1;
    long most = Math.max(down, up);
    return new Interval(middle, middle - (even ? most : down), middle + (even ? most : up));
  }

  /** A sum of products that should be whole may miss it by an error of rounding. */
  private static double nearest(double value) {
    double whole = Math.rint(value);
    return Math.abs(value - whole) <= ROUNDING * Math.max(1, Math.abs(value)) ? whole : value;
  }

  /** Whether the number is known. */
  public boolean exact() {
    return low != null && low.equals(high);
  }

  /** How far the lower bound is away; 0 when there is none. */
  double down() {
    return low == null ? 0 : (double) (estimate - low);
  }

  /** How far the upper bound is away; 0 when there is none. */
  double up() {
    return high == null ? 0 : (double) (high - estimate);
  }

  /** Whether a number lies within the bounds; null: there are none. */
  public @Nullable Boolean holds(long number) {
    if (low == null || high == null) {
      return null;
    }
    return low <= number && number <= high;
  }

  /** What this becomes under a function that never falls. */
  public Interval map(LongUnaryOperator rising) {
    return new Interval(
        rising.applyAsLong(estimate),
        low == null ? null : Long.valueOf(rising.applyAsLong(low)),
        high == null ? null : Long.valueOf(rising.applyAsLong(high)));
  }
}
