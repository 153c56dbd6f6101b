package io.lastmile.sequence;

import io.lastmile.plan.FeedPlan;
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
 * @param added rows, for each step that makes several of one
 * @param dropped rows, for each step that can drop some
 * @param delivered rows given to ranks
 * @param padded padding rows given to ranks that would have got none
 * @param unknown delivered values that their vocabulary does not have, by tensor
 */
public record Counts(
    long read,
    List<Long> added,
    List<Long> dropped,
    long delivered,
    long padded,
    Map<String, Long> unknown) {
  public Counts {
    added = List.copyOf(added);
    dropped = List.copyOf(dropped);
    unknown = Collections.unmodifiableMap(new LinkedHashMap<>(unknown));
  }

  /** Nothing yet, of an epoch of this plan. */
  public static Counts none(FeedPlan plan) {
    return new Counts(
        0,
        Collections.nCopies(plan.copySteps().size(), 0L),
        Collections.nCopies(plan.dropSteps().size(), 0L),
        0,
        0,
        Map.of());
  }

  /**
   * With a split more.
   *
   * @param rows of the source that it read
   * @param more rows that each step added
   * @param less rows that each step dropped
   */
  public Counts plusSplit(long rows, List<Long> more, List<Long> less) {
    return new Counts(
        read + rows, sums(added, more), sums(dropped, less), delivered, padded, unknown);
  }

  private static List<Long> sums(List<Long> before, List<Long> more) {
    List<Long> sums = new ArrayList<>();
    for (int i = 0; i < before.size(); i++) {
      sums.add(before.get(i) + more.get(i));
    }
    return sums;
  }

  /** With a step more: its rows, its padding rows, and its values that are unknown. */
  public Counts plusStep(long rows, long padding, Map<String, Long> values) {
    Map<String, Long> sums = new LinkedHashMap<>(unknown);
    values.forEach((tensor, count) -> sums.merge(tensor, count, Long::sum));
    return new Counts(read, added, dropped, delivered + rows, padded + padding, sums);
  }
}
