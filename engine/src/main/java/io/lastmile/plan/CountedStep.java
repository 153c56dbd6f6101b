package io.lastmile.plan;

import org.jspecify.annotations.Nullable;

/**
 * A step whose rows are counted: those that it drops, or adds.
 *
 * @param dataset whose step it is; null: the one that the feed is of
 * @param step its number among the steps of that dataset, from 0; those behind the last are none of
 *     the user's
 * @param kind its key, such as {@code filter}
 */
public record CountedStep(@Nullable String dataset, int step, String kind) {
  /** The kind of the step that drops the rows that fill no whole step at the end of an epoch. */
  public static final String LAST_STEP = "last_step";

  /** The same step, seen from a mix of its dataset. */
  CountedStep of(String mixed) {
    return new CountedStep(mixed, step, kind);
  }

  /** {@code step 2 (filter)}, in a mix with {@code of} and the dataset. */
  public String words() {
    return "step %d (%s)%s".formatted(step, kind, dataset == null ? "" : " of " + dataset);
  }
}
