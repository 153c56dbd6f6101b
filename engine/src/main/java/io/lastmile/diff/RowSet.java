package io.lastmile.diff;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is counted of some rows.
 *
 * @param rows how many there are
 * @param labelled those whose label is not null; null: there is no label
 * @param positive those whose label is TRUE or above 0; null: there is no label
 * @param weights the sum of each weight column, by its name
 */
public record RowSet(
    long rows, @Nullable Long labelled, @Nullable Long positive, Map<String, Double> weights) {
  public RowSet {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }

  /** The share of positive labels, in [0, 1]; null: no row has a label. */
  public @Nullable Double labelRate() {
    return labelled == null || positive == null || labelled == 0
        ? null
        : (double) positive / labelled;
  }

  RowSet plus(RowSet more) {
    Map<String, Double> sums = new LinkedHashMap<>(weights);
    more.weights.forEach((name, sum) -> sums.merge(name, sum, Double::sum));
    return new RowSet(
        rows + more.rows, sum(labelled, more.labelled), sum(positive, more.positive), sums);
  }

  private static @Nullable Long sum(@Nullable Long one, @Nullable Long more) {
    return one == null || more == null ? null : Long.valueOf(one + more);
  }
}
