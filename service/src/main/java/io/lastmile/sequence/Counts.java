package io.lastmile.sequence;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
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
  public static Counts none(DatasetPlan plan) {
    return new Counts(
        0,
        Collections.nCopies(plan.query().copies().size(), 0L),
        Collections.nCopies(plan.drops().size(), 0L),
        0,
        0,
        Map.of());
  }

  /**
   * With a split more.
   *
   * @param split what became of its rows
   * @param overLimit rows of it that the plan's limit dropped
   */
  public Counts plusSplit(Tally split, long overLimit) {
    List<Long> drops = new ArrayList<>(split.dropped());
    if (drops.size() < dropped.size()) {
      drops.add(overLimit);
    }
    return new Counts(
        read + split.read(),
        sums(added, split.added()),
        sums(dropped, drops),
        delivered,
        padded,
        unknown);
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
