package io.lastmile.sequence;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What became of the rows of an epoch so far. Read and dropped count the splits that are wholly in
 * the sequence.
 *
 * @param read rows of the source
 * @param dropped rows, for each step that can drop some
 * @param delivered rows given to ranks
 * @param padded padding rows given to ranks that would have got none
 * @param unknown delivered values that their vocabulary does not have, by tensor
 */
public record Counts(
    long read, List<Long> dropped, long delivered, long padded, Map<String, Long> unknown) {
  public Counts {
    dropped = List.copyOf(dropped);
    unknown = Collections.unmodifiableMap(new LinkedHashMap<>(unknown));
  }

  /** Nothing yet, of an epoch with this many steps that can drop rows. */
  public static Counts none(int dropSteps) {
    return new Counts(0, Collections.nCopies(dropSteps, 0L), 0, 0, Map.of());
  }

  /** With a split more: its rows, and those that each step dropped. */
  public Counts plusSplit(long rows, List<Long> drops) {
    List<Long> sums = new ArrayList<>();
    for (int i = 0; i < dropped.size(); i++) {
      sums.add(dropped.get(i) + drops.get(i));
    }
    return new Counts(read + rows, sums, delivered, padded, unknown);
  }

  /** With a step more: its rows, its padding rows, and its values that are unknown. */
  public Counts plusStep(long rows, long padding, Map<String, Long> values) {
    Map<String, Long> sums = new LinkedHashMap<>(unknown);
    values.forEach((tensor, count) -> sums.merge(tensor, count, Long::sum));
    return new Counts(read, dropped, delivered + rows, padded + padding, sums);
  }
}
