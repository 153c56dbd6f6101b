package io.lastmile.estimate;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Some clusters of a population, drawn at random without replacement: what they say of a total over
 * all of them. The rows of a row group are alike, so it is the row groups that vary, not the rows.
 *
 * <p>The total of y is estimated by the ratio Σy/Σx times the known total of x; its variance by
 * (X/x̄)² (1 − k/N) s²/k, where s² = Σ(y − rx)²/(k − 1), and the interval is Student's with k − 1
 * degrees of freedom (Cochran, Sampling Techniques, 3rd edition, 1977, 6.3, 6.4 and 2.8).
 */
final class ClusterSample {
  private static final double ROUNDING = 1e-9;

  private final int clusters;
  private final double total;
  private final double largest;
  private final double[] sizes;

  /**
   * Clusters that were drawn.
   *
   * @param clusters N, how many there are
   * @param total X, the size of all of them
   * @param largest size of one, of those that were not drawn
   * @param sizes x of those that were drawn, &gt;= 0
   */
  ClusterSample(int clusters, double total, double largest, double[] sizes) {
    if (sizes.length > clusters) {
      throw new IllegalArgumentException(sizes.length + " of " + clusters + " clusters");
    }
    this.clusters = clusters;
    this.total = total;
    this.largest = largest;
    this.sizes = sizes.clone();
  }

  /**
   * The total over all clusters.
   *
   * @param values y of those that were drawn, in their order, &gt;= 0
   * @param mostRatio that y/x cannot exceed in any cluster; null: there is no such bound
   */
  Interval total(double[] values, @Nullable Double mostRatio) {
    double size = sum(sizes);
    double sum = sum(values);
    int drawn = sizes.length;
    if (drawn == clusters) {
      return Interval.exactly(Math.round(sum));
    }
    if (drawn < 2 || size == 0) {
      return Interval.unbounded(size == 0 ? 0 : sum / size * total);
    }
    double ratio = sum / size;
    double squares = 0;
    boolean alike = true;
    for (int i = 0; i < drawn; i++) {
      double residual = values[i] - ratio * sizes[i];
      squares += residual * residual;
      alike &= Math.abs(residual) <= ROUNDING * Math.max(values[i], ratio * sizes[i]);
    }
    if (alike) {
      return ofAlike(ratio, mostRatio);
    }
    double scale = total / (size / drawn);
    double left = 1 - (double) drawn / clusters;
    double error = scale * Math.sqrt(left * squares / (drawn - 1) / drawn);
    double margin = StudentT.quantile(Interval.LEVEL, drawn - 1) * error;
    return within(sum, size, mostRatio, ratio * total - margin, ratio * total + margin);
  }

  /**
   * Clusters that do not vary tell no variance, only that few can be otherwise: the most that are
   * not drawn with a probability above 1 - level. Those may have any ratio up to the most.
   */
  private Interval ofAlike(double ratio, @Nullable Double mostRatio) {
    if (mostRatio == null) {
      return Interval.unbounded(ratio * total);
    }
    double size = sum(sizes);
    double others = Math.min(unlike() * largest, total - size);
    return within(
        ratio * size,
        size,
        mostRatio,
        ratio * (total - others),
        ratio * total + (mostRatio - ratio) * others);
  }

  private int unlike() {
    double missed = 1;
    int unlike = 0;
    while (unlike < clusters - sizes.length) {
      missed *= 1 - (double) sizes.length / (clusters - unlike);
      if (missed <= 1 - Interval.LEVEL) {
        break;
      }
      unlike++;
    }
    return unlike;
  }

  /** Bounds that respect what is known: the clusters that were drawn, and what others can have. */
  private Interval within(
      double sum, double size, @Nullable Double mostRatio, double low, double high) {
    double most = mostRatio == null ? Double.MAX_VALUE : sum + mostRatio * (total - size);
    double estimate = sum / size * total;
    return Interval.of(estimate, Math.max(low, sum), Math.min(high, most));
  }

  private static double sum(double[] values) {
    return Arrays.stream(values).sum();
  }
}
