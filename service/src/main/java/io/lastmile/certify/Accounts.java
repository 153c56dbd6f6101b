package io.lastmile.certify;

import io.lastmile.plan.CountedStep;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.sequence.Position;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What became of the rows of an epoch, from the source to the ranks. For each table rows read +
 * added = dropped + delivered.
 *
 * @param read rows of the source
 * @param steps those that drop or add rows, in order, for a mix those of one table behind those of
 *     another
 * @param delivered rows given to the ranks
 * @param padded padding rows given to them
 * @param digest sum of the hashes of the delivered row identities, modulo 2^64, hexadecimal
 * @param values the same of the delivered values; null: it is not known
 */
record Accounts(
    long read,
    List<Step> steps,
    long delivered,
    long padded,
    String digest,
    @Nullable String values) {
  /**
   * A step.
   *
   * @param dataset whose step it is, in a mix; null: the one that the feed is of
   * @param step its number among the steps of that dataset, from 0
   * @param kind its key
   * @param in rows that came to it
   * @param added rows, copies of those
   * @param dropped rows
   */
  record Step(@Nullable String dataset, int step, String kind, long in, long added, long dropped) {
    /** Rows that it left. */
    long out() {
      return in + added - dropped;
    }
  }

  Accounts {
    steps = List.copyOf(steps);
  }

  /**
   * Of an epoch that has ended.
   *
   * @param end the position behind its last row
   */
  static Accounts of(FeedPlan plan, Position end) {
    return of(
        plan,
        end.counts().read(),
        end.places().stream().map(place -> place.read()).toList(),
        end.counts().added(),
        end.counts().dropped(),
        end.counts().delivered(),
        end.counts().padded(),
        end.digest(),
        end.values());
  }

  /**
   * Of an epoch that has ended.
   *
   * @param read rows of all sources
   * @param readOf of a mix: of each of its datasets
   * @param added by each of {@link FeedPlan#copySteps()}
   * @param dropped by each of {@link FeedPlan#dropSteps()}
   */
  static Accounts of(
      FeedPlan plan,
      long read,
      List<Long> readOf,
      List<Long> added,
      List<Long> dropped,
      long delivered,
      long padded,
      long digest,
      @Nullable Long values) {
    List<Step> steps = new ArrayList<>();
    if (plan instanceof MixPlan mix) {
      for (int i = 0; i < mix.members().size(); i++) {
        steps.addAll(steps(plan, mix.members().get(i).name(), readOf.get(i), added, dropped));
      }
    } else {
      steps.addAll(steps(plan, null, read, added, dropped));
    }
    HexFormat hex = HexFormat.of();
    return new Accounts(
        read,
        steps,
        delivered,
        padded,
        hex.toHexDigits(digest),
        values == null ? null : hex.toHexDigits(values));
  }

  /** The steps of one dataset. */
  private static List<Step> steps(
      FeedPlan plan, @Nullable String dataset, long read, List<Long> added, List<Long> dropped) {
    Map<Integer, Step> byNumber = new TreeMap<>();
    count(plan.copySteps(), added, dataset, byNumber, true);
    count(plan.dropSteps(), dropped, dataset, byNumber, false);
    List<Step> steps = new ArrayList<>();
    long in = read;
    for (Step step : byNumber.values()) {
      steps.add(new Step(dataset, step.step(), step.kind(), in, step.added(), step.dropped()));
      in = steps.getLast().out();
    }
    return steps;
  }

  private static void count(
      List<CountedStep> of,
      List<Long> rows,
      @Nullable String dataset,
      Map<Integer, Step> steps,
      boolean adds) {
    for (int i = 0; i < of.size(); i++) {
      CountedStep step = of.get(i);
      if (Objects.equals(step.dataset(), dataset)) {
        long more = rows.get(i);
        Step one = new Step(dataset, step.step(), step.kind(), 0, adds ? more : 0, adds ? 0 : more);
        steps.merge(
            step.step(),
            one,
            (a, b) ->
                new Step(
                    dataset,
                    a.step(),
                    a.kind(),
                    0,
                    a.added() + b.added(),
                    a.dropped() + b.dropped()));
      }
    }
  }

  /** As a tree of JSON. */
  Map<String, @Nullable Object> tree() {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("rows_read", read);
    tree.put("steps", steps.stream().map(Accounts::tree).toList());
    tree.put("rows_delivered", delivered);
    tree.put("rows_repeated", repeated());
    tree.put("rows_padded", padded);
    tree.put("digest", digest);
    tree.put("values_digest", values);
    return tree;
  }

  /** Rows that were delivered and are not among those that the steps left. */
  private long repeated() {
    long added = steps.stream().mapToLong(Step::added).sum();
    long dropped = steps.stream().mapToLong(Step::dropped).sum();
    return delivered - (read + added - dropped);
  }

  private static Map<String, @Nullable Object> tree(Step step) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("dataset", step.dataset());
    tree.put("step", (long) step.step());
    tree.put("kind", step.kind());
    tree.put("rows_in", step.in());
    tree.put("rows_added", step.added());
    tree.put("rows_dropped", step.dropped());
    tree.put("rows_out", step.out());
    return tree;
  }
}
