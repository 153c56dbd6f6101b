package io.lastmile.estimate;

/**
 * Student's t distribution with a whole number of degrees of freedom, by the finite sums of
 * Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
 */
final class StudentT {
  private static final int HALVINGS = 80;

  private StudentT() {}

  /**
   * The t that |T| exceeds with probability 1 - level.
   *
   * @param level in (0, 1)
   * @param degrees of freedom, &gt; 0
   */
  static double quantile(double level, int degrees) {
    double low = 0;
    double high = Math.PI / 2;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      if (within(middle, degrees) < level) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return Math.tan((low + high) / 2) * Math.sqrt(degrees);
  }

  /** P(|T| &lt;= √degrees · tan(angle)). */
  private static double within(double angle, int degrees) {
    double cosine = Math.cos(angle);
    boolean odd = degrees % 2 == 1;
    double term = odd ? cosine : 1;
    double sum = degrees == 1 ? 0 : term;
    for (int i = odd ? 3 : 2; i < degrees; i += 2) {
      term *= cosine * cosine * (i - 1) / i;
      sum += term;
    }
    double sine = Math.sin(angle);
    return odd ? (angle + sine * sum) * 2 / Math.PI : sine * sum;
  }
}
