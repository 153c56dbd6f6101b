package io.lastmile.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Neighbouring steps that one query runs.
 *
 * @param scope the columns after them
 * @param levels at least one
 * @param limit the step that ends the epoch, which the sequence applies; null: none
 */
record Stage(Scope scope, List<Level> levels, @Nullable Limit limit) {
  Stage {
    levels = List.copyOf(levels);
  }
}
