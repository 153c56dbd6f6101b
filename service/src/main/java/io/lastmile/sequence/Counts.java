package io.lastmile.sequence;

import io.lastmile.plan.FeedPlan;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What became of the rows of an epoch so far. Read and dropped count the splits that are wholly in
 * the sequence.
 *
 * @param read rows of the source
 * @param added rows, for each step that makes several of one
 * @param dropped rows, for each step that can drop some
 * @param delivered rows given to ranks
 * @param padded padding rows given to ranks
 * @param positives rows among the delivered whose label is TRUE or above 0; null: not known
 * @param unknown delivered values that their vocabulary does not have, by tensor
 */
public record Counts(
    long read,
    List<Long> added,
    List<Long> dropped,
    long delivered,
    long padded,
    @Nullable Positives positives,
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
        Positives.none(plan),
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
        read + rows, sums(added, more), sums(dropped, less), delivered, padded, positives, unknown);
  }

  private static List<Long> sums(List<Long> before, List<Long> more) {
    List<Long> sums = new ArrayList<>();
    for (int i = 0; i < before.size(); i++) {
      sums.add(before.get(i) + more.get(i));
    }
    return sums;
  }

  /**
   * With a step more.
   *
   * @param rows of it
   * @param padding rows of it
   * @param positive rows of it, if they are known
   * @param values of it that are unknown, by tensor
   */
  public Counts plusStep(long rows, long padding, long positive, Map<String, Long> values) {
    Map<String, Long> sums = new LinkedHashMap<>(unknown);
    values.forEach((tensor, count) -> sums.merge(tensor, count, Long::sum));
    return new Counts(
        read,
        added,
        dropped,
        delivered + rows,
        padded + padding,
        positives == null ? null : positives.plus(positive),
        sums);
  }
}
