package io.lastmile.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Neighbouring steps that see the same rows.
 *
 * @param drops the steps that drop rows, in order: a row is dropped by the first whose condition is
 *     TRUE, and no later one sees it
 * @param copies the step that makes the rows of the next level of those that stay; null: this is
 *     the last level
 */
public record Level(List<DropStep> drops, @Nullable CopyStep copies) {
  public Level {
    drops = List.copyOf(drops);
  }
}
