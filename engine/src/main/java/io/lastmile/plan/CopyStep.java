package io.lastmile.plan;

import java.util.Map;
import java.util.Set;

/**
 * A step that makes several rows of one, as SQL.
 *
 * @param step its number among the dataset's steps, from 0
 * @param kind its key in YAML
 * @param count SQL of the number of rows that one becomes, at least 1
 * @param elements columns that hold an element of a list in each of these rows: names in the query,
 *     and the SQL of the lists, all of that length
 * @param sources columns of the source that they read
 */
public record CopyStep(
    int step, String kind, String count, Map<String, String> elements, Set<String> sources) {
  public CopyStep {
    elements = Map.copyOf(elements);
    sources = Set.copyOf(sources);
  }
}
