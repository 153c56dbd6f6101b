package io.lastmile.trace;

import io.lastmile.dataset.Dataset;
import io.lastmile.plan.CountedStep;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.Limit;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.SourceRows;
import io.lastmile.plan.SplitQuery;
import io.lastmile.plan.TraceQuery;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.SplitCounts;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Finds what became of rows of the source in one epoch. Used by one thread. */
final class RowTracer {
  private static final String MIX = "mix";

  private final FeedPlan plan;
  private final RecordedEpoch epoch;
  private final EpochRows rows;
  private final List<TracedSplits> tables;

  RowTracer(FeedPlan plan, RecordedEpoch epoch, EpochRows rows, List<TracedSplits> tables) {
    this.plan = plan;
    this.epoch = epoch;
    this.rows = rows;
    this.tables = tables;
  }

  /** A copy of a row that the steps left, or that a step dropped or nobody read. */
  private record Copy(
      SourceRows.Row row,
      int pass,
      List<Long> copies,
      @Nullable SplitRow left,
      @Nullable Fate fate) {}

  /** The fates of the copies of rows of a table, by row. */
  Map<SourceRows.Row, List<Fate.OfCopy>> fates(int table, List<SourceRows.Row> of)
      throws InterruptedException {
    List<Copy> copies = new ArrayList<>();
    NavigableMap<Long, SourceRows.Row> read = new TreeMap<>();
    for (SourceRows.Row row : of) {
      if (row.identity() == null) {
        copies.add(new Copy(row, 0, List.of(), null, pruned(table)));
      } else {
        read.put(row.identity(), row);
      }
    }
    for (int pass = 0; pass < tables.get(table).passes() && !read.isEmpty(); pass++) {
      for (Split split : tables.get(table).ofPass(pass)) {
        NavigableMap<Long, SourceRows.Row> here = ofSplit(split, read);
        if (!here.isEmpty()) {
          copies(table, pass, split, here, copies);
        }
      }
    }
    return fates(copies);
  }

  private Fate pruned(int table) {
    List<String> by = tables.get(table).plan().pruned().by();
    return new Fate.NotRead(
        "the leading filter rules its row group out (%s)".formatted(String.join(" and ", by)));
  }

  private static NavigableMap<Long, SourceRows.Row> ofSplit(
      Split split, NavigableMap<Long, SourceRows.Row> rows) {
    NavigableMap<Long, SourceRows.Row> here = new TreeMap<>();
    for (Split.Part part : split.parts()) {
      long first = SplitQuery.identity(part);
      here.putAll(rows.subMap(first, true, first + part.rowGroup().rows(), false));
    }
    return here;
  }

  /** Finds the copies of rows of a split. */
  private void copies(
      int table,
      int pass,
      Split split,
      NavigableMap<Long, SourceRows.Row> rowsOfSplit,
      List<Copy> into)
      throws InterruptedException {
    TracedSplits of = tables.get(table);
    int ordinal = pass * of.plan().splits().count() + split.ordinal();
    TracedSplits.Traced traced = of.run(ordinal);
    NavigableMap<Long, SourceRows.Row> readable = ofSplit(traced.split(), rowsOfSplit);
    rowsOfSplit.forEach((identity, row) -> {
      if (!readable.containsKey(identity)) {
        String why =
            "row group %d could not be read, and was left out (source.on_corrupt: skip)"
                .formatted(row.rowGroup().ordinal());
        into.add(new Copy(row, pass, List.of(), null, new Fate.NotRead(why)));
      }
    });
    if (readable.isEmpty()) {
      return;
    }
    for (TraceQuery.Drop drop : of.drops(traced.split(), readable.keySet())) {
      SourceRows.Row row = readable.get(drop.identity());
      if (row != null) {
        Fate fate = new Fate.Dropped(drop.step(), drop.kind(), drop.why());
        into.add(new Copy(row, pass, drop.copies(), null, fate));
      }
    }
    for (int i = 0; i < traced.rows(); i++) {
      SourceRows.Row row = readable.get(traced.identity(i));
      if (row != null) {
        List<Long> numbers = of.query().identities().copyNumbers(traced.copy(i));
        into.add(new Copy(row, pass, numbers, new SplitRow(table, ordinal, i), null));
      }
    }
  }

  private Map<SourceRows.Row, List<Fate.OfCopy>> fates(List<Copy> copies)
      throws InterruptedException {
    Set<SplitRow> left = new HashSet<>();
    copies.forEach(copy -> {
      if (copy.left != null) {
        left.add(copy.left);
      }
    });
    EpochRows.Numbers numbers =
        left.isEmpty() ? new EpochRows.Numbers(Map.of(), null) : rows.numbers(left);
    Map<SourceRows.Row, List<Fate.OfCopy>> fates = new LinkedHashMap<>();
    for (Copy copy : copies) {
      Fate fate = copy.fate;
      if (fate == null && copy.left != null) {
        fate = given(copy.left, numbers);
      }
      if (fate != null) {
        fates
            .computeIfAbsent(copy.row, any -> new ArrayList<>())
            .add(new Fate.OfCopy(epoch.epoch(), copy.pass, copy.copies, fate));
      }
    }
    fates.values().forEach(RowTracer::sort);
    return fates;
  }

  /** By pass, then by the numbers of the copies. */
  private static void sort(List<Fate.OfCopy> fates) {
    fates.sort((a, b) -> {
      int order = Integer.compare(a.pass(), b.pass());
      for (int i = 0; order == 0 && i < Math.min(a.copies().size(), b.copies().size()); i++) {
        order = Long.compare(a.copies().get(i), b.copies().get(i));
      }
      return order;
    });
  }

  private Fate given(SplitRow row, EpochRows.Numbers numbers) {
    Long number = numbers.byRow().get(row);
    List<Use> uses = number == null ? List.of() : uses(number);
    if (number != null && !uses.isEmpty()) {
      return new Fate.Used(number, uses);
    }
    Fate before = before(row, number);
    if (before != null) {
      return before;
    }
    Fate limit = limit(row, number, numbers.total());
    if (limit != null) {
      return limit;
    }
    DatasetPlan of = tables.get(row.table()).plan();
    if (number == null) {
      return plan instanceof MixPlan && numbers.total() != null
          ? new Fate.Dropped(
              of.dataset().steps().size(), MIX, "the epoch ended before it was drawn")
          : new Fate.NotGiven("the run did not get to its split");
    }
    Fate lastStep = numbers.total() == null ? null : lastStep(of, number, numbers.total());
    return lastStep != null
        ? lastStep
        : new Fate.NotGiven("the ranks did not get to row %d of the epoch".formatted(number));
  }

  /** Where ranks got a row, in the order of time. */
  private List<Use> uses(long number) {
    List<Start> starts = epoch.starts();
    List<Use> uses = new ArrayList<>();
    Map<Integer, Long> back = new HashMap<>();
    for (Start start : starts.reversed()) {
      int who = start.rank() == null ? -1 : start.rank();
      if (start.tookRow(number)) {
        uses.addFirst(start.use(number, number >= back.getOrDefault(who, Long.MAX_VALUE)));
      }
      back.merge(who, start.row(), Math::min);
    }
    return uses;
  }

  /** A row before those with which the run began; null: it is none. */
  private @Nullable Fate before(SplitRow row, @Nullable Long number) {
    List<Start> starts = epoch.allStarts();
    long first = starts.stream().mapToLong(Start::row).min().orElse(0);
    boolean earlierSplit =
        starts.stream()
            .allMatch(
                start -> row.ordinal() < ordinal(row.table(), start.places().get(row.table())));
    return (number == null ? earlierSplit : number < first)
        ? new Fate.NotGiven(
            "it is before row %d, with which this run began the epoch".formatted(first))
        : null;
  }

  private int ordinal(int table, Place place) {
    return place.pass() * tables.get(table).plan().splits().count() + place.split();
  }

  /** A row beyond the limit of its table; null: it is none. */
  private @Nullable Fate limit(SplitRow row, @Nullable Long number, @Nullable Long total) {
    Limit limit = tables.get(row.table()).plan().limit();
    if (limit == null) {
      return null;
    }
    Long ofPass = plan instanceof MixPlan ? rowOfPass(row, limit) : number;
    boolean beyond =
        ofPass == null
            ? !(plan instanceof MixPlan) && total != null && total == limit.rows()
            : ofPass >= limit.rows();
    return beyond
        ? new Fate.Dropped(
            limit.step(),
            "limit",
            ofPass == null
                ? "its split is behind row %d".formatted(limit.rows())
                : "row %d ≥ %d".formatted(ofPass, limit.rows()))
        : null;
  }

  /**
   * The number of a row in the pass over its table, or one that is not above it and beyond the
   * limit; null: not known.
   */
  private @Nullable Long rowOfPass(SplitRow row, Limit limit) {
    int count = tables.get(row.table()).plan().splits().count();
    long number = row.row();
    for (int split = row.ordinal() - row.ordinal() % count; split < row.ordinal(); split++) {
      long rowsOfSplit = epoch.rows(row.table(), split);
      if (rowsOfSplit == SplitCounts.UNKNOWN) {
        return number - row.row() >= limit.rows() ? number : null;
      }
      number += rowsOfSplit;
    }
    return number;
  }

  /** A row that filled no whole step at the end of the epoch; null: it is none. */
  private @Nullable Fate lastStep(DatasetPlan of, long number, long total) {
    List<Start> starts = epoch.starts();
    if (plan.dataset().lastStep() != Dataset.LastStep.DROP || starts.isEmpty()) {
      return null;
    }
    Start last = starts.getLast();
    long rest = (total - last.row()) % last.stepRows();
    if (last.toRow() != total - rest || number < last.toRow()) {
      return null;
    }
    int step = of.dataset().steps().size() + (plan instanceof MixPlan ? 1 : 0);
    return new Fate.Dropped(
        step,
        CountedStep.LAST_STEP,
        "row %d is one of the last %d, which fill no whole step of %d"
            .formatted(number, rest, last.stepRows()));
  }
}
