package io.lastmile.sequence;

import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.LabelTensor;
import org.jspecify.annotations.Nullable;

/**
 * Delivered rows whose label is TRUE or above 0, as it lies in the batches.
 *
 * @param label its column
 * @param rows that are positive
 */
public record Positives(String label, long rows) {
  /** None yet, of an epoch of this plan; null: its batches do not have the label. */
  static @Nullable Positives none(FeedPlan plan) {
    LabelTensor label = plan.label();
    return label == null ? null : new Positives(label.column(), 0);
  }

  Positives plus(long more) {
    return new Positives(label, rows + more);
  }
}
