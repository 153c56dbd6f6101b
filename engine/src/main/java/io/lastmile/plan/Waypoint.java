package io.lastmile.plan;

import java.util.List;

/**
 * Where a dataset stands between two steps.
 *
 * @param level index of the level whose rows it has
 * @param drops the steps of that level, from the first, that have dropped theirs
 * @param scope its columns
 * @param weights those of them that steps made as weights
 */
record Waypoint(int level, int drops, Scope scope, List<String> weights) {
  Waypoint {
    weights = List.copyOf(weights);
  }
}
