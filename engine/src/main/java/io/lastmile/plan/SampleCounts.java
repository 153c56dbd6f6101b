package io.lastmile.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is counted of the rows of a sample between two steps.
 *
 * @param rows how many there are
 * @param labelled those whose label is not null; null: there is no label
 * @param positive those whose label is TRUE or above 0; null: there is no label
 * @param weights the sum of each weight column that steps have made, nulls left out, by its name
 */
public record SampleCounts(
    long rows, @Nullable Long labelled, @Nullable Long positive, Map<String, Double> weights) {
  public SampleCounts {
    weights = Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }

  /** The share of positive labels, in [0, 1]; null: no row has a label. */
  public @Nullable Double labelRate() {
    return labelled == null || positive == null || labelled == 0
        ? null
        : (double) positive / labelled;
  }
}
