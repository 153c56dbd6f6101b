package io.lastmile.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Neighbouring steps that one query runs.
 *
 * @param scope the columns after them
 * @param levels at least one
 * @param limit the step that ends the epoch, which the sequence applies; null: none
 * @param waypoints before the first step, and after each; the limit changes nothing
 */
record Stage(Scope scope, List<Level> levels, @Nullable Limit limit, List<Waypoint> waypoints) {
  Stage {
    levels = List.copyOf(levels);
    waypoints = List.copyOf(waypoints);
  }
}
