package io.lastmile.plan;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a step does to the rows of a sample.
 *
 * @param step its number among the dataset's steps, from 0
 * @param kind its key in YAML
 * @param text it in words
 * @param before the rows that it sees
 * @param after the rows that it leaves
 * @param nullShares of the columns that it uses, by name: the share of nulls in the rows that it
 *     sees, in [0, 1]; empty where it sees no row
 */
public record StepEffect(
    int step,
    String kind,
    String text,
    SampleCounts before,
    SampleCounts after,
    Map<String, Double> nullShares) {
  public StepEffect {
    nullShares = Collections.unmodifiableMap(new LinkedHashMap<>(nullShares));
  }

  /** Rows after it over rows before it: above 1 where it makes several of one; null: no row. */
  public @Nullable Double kept() {
    return before.rows() == 0 ? null : (double) after.rows() / before.rows();
  }

  /** The same with other rows that it leaves. */
  public StepEffect leaving(SampleCounts others) {
    return new StepEffect(step, kind, text, before, others, nullShares);
  }
}
