package io.lastmile.plan;

import java.util.Set;

/**
 * A step that can drop rows, as SQL.
 *
 * @param step its number among the dataset's steps, from 0
 * @param kind its key in YAML
 * @param condition TRUE for the rows that it drops
 * @param why SQL of a text, of a row that it drops: why
 * @param sources columns of the source that the condition reads
 */
public record DropStep(int step, String kind, String condition, String why, Set<String> sources) {
  public DropStep {
    sources = Set.copyOf(sources);
  }
}
