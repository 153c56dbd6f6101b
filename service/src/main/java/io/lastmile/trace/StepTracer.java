package io.lastmile.trace;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SplitQuery;
import io.lastmile.plan.TraceQuery;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds the rows of a step. Used once, by one thread. */
final class StepTracer {
  private static final String COLUMNS = "--columns";

  private final FeedPlan plan;
  private final RecordedEpoch epoch;
  private final EpochRows rows;
  private final List<TracedSplits> tables;

  StepTracer(FeedPlan plan, RecordedEpoch epoch, EpochRows rows, List<TracedSplits> tables) {
    this.plan = plan;
    this.epoch = epoch;
    this.rows = rows;
    this.tables = tables;
  }

  StepTrace trace(long step, @Nullable Integer rank, List<String> columns, long limit)
      throws InterruptedException {
    List<Start> takes = takes(step, rank);
    Start start = takes.getLast();
    List<Long> bounds = start.bounds(step);
    int place = rank == null ? 0 : start.rank() == null ? rank : 0;
    long first = rank == null ? 0 : bounds.get(place);
    long end = rank == null ? bounds.getLast() : bounds.get(place + 1);
    long base = start.firstRow(step);
    List<List<SampleColumn>> shown = columns(columns);
    List<StepTrace.Row> listed = new ArrayList<>();
    long count = Math.min(end - first, limit);
    if (count > 0) {
      listed.addAll(rows(rows.runs(start, base + first, count), start, base + first, shown));
    }
    return new StepTrace(
        plan.name(),
        epoch.epoch(),
        step,
        rank,
        start.ranks(),
        base + first,
        end - first,
        takes.size(),
        shown.getFirst(),
        listed);
  }

  /** The beginnings from which ranks took a step, the last one last. */
  private List<Start> takes(long step, @Nullable Integer rank) {
    List<Start> starts = epoch.starts();
    boolean alone = starts.stream().anyMatch(start -> start.rank() != null);
    if (alone && rank == null) {
      throw mistake("Missing --rank: each rank has feed \"%s\" to itself".formatted(plan.name()));
    }
    List<Start> takes =
        starts.stream()
            .filter(start -> start.rank() == null || start.rank().equals(rank))
            .filter(start -> start.tookStep(step))
            .toList();
    if (takes.isEmpty()) {
      throw mistake(
          "Step %d of epoch %d was not taken%s: the record of the run has %s"
              .formatted(step, epoch.epoch(), alone ? " by rank " + rank : "", ranges(starts)));
    }
    Start last = takes.getLast();
    if (rank != null && last.rank() == null && rank >= last.ranks()) {
      throw mistake(
          "Invalid --rank: %d (step %d had %d ranks, from 0)".formatted(rank, step, last.ranks()));
    }
    return takes;
  }

  private static String ranges(List<Start> starts) {
    return starts.isEmpty()
        ? "none of its steps"
        : starts.stream()
            .map(start -> "steps %d to %d".formatted(start.step(), start.toStep() - 1))
            .distinct()
            .collect(Collectors.joining(", then "));
  }

  private static LastmileException mistake(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }

  /** The columns of each table; those of a mix have the same names. */
  private List<List<SampleColumn>> columns(List<String> patterns) {
    List<List<SampleColumn>> columns = new ArrayList<>();
    List<String> names = patterns;
    for (TracedSplits table : tables) {
      List<SampleColumn> of = table.query().columns(names, COLUMNS);
      names = of.stream().map(SampleColumn::name).toList();
      columns.add(of);
    }
    return columns;
  }

  private record Identity(long row, long copy) {}

  private List<StepTrace.Row> rows(
      List<SplitRun> runs, Start start, long first, List<List<SampleColumn>> columns)
      throws InterruptedException {
    Map<List<Integer>, List<SplitRun>> bySplit =
        runs.stream()
            .collect(
                Collectors.groupingBy(
                    run -> List.of(run.first().table(), run.first().ordinal()),
                    LinkedHashMap::new,
                    Collectors.toList()));
    Map<SplitRow, StepTrace.Row> found = new HashMap<>();
    for (List<SplitRun> ofSplit : bySplit.values()) {
      find(ofSplit, columns, found);
    }
    List<StepTrace.Row> all = new ArrayList<>();
    for (SplitRun run : runs) {
      for (long i = 0; i < run.count(); i++) {
        SplitRow at =
            new SplitRow(run.first().table(), run.first().ordinal(), run.first().row() + i);
        StepTrace.Row row = Objects.requireNonNull(found.get(at));
        long number = first + all.size();
        all.add(
            new StepTrace.Row(
                number,
                start.use(number, false).rank(),
                row.table(),
                row.file(),
                row.number(),
                row.copies(),
                row.values()));
      }
    }
    return all;
  }

  /** Finds the rows of one split; the numbers in the epoch and the ranks are not known here. */
  private void find(
      List<SplitRun> runs, List<List<SampleColumn>> columns, Map<SplitRow, StepTrace.Row> found)
      throws InterruptedException {
    int index = runs.getFirst().first().table();
    int ordinal = runs.getFirst().first().ordinal();
    TracedSplits table = tables.get(index);
    TracedSplits.Traced split = table.run(ordinal);
    Map<SplitRow, Identity> identities = new LinkedHashMap<>();
    TreeSet<Long> rowsOfSource = new TreeSet<>();
    for (SplitRun run : runs) {
      if (run.first().row() + run.count() > split.rows()) {
        throw epoch.incomplete();
      }
      for (long row = run.first().row(); row < run.first().row() + run.count(); row++) {
        Identity identity = new Identity(split.identity((int) row), split.copy((int) row));
        identities.put(new SplitRow(index, ordinal, row), identity);
        rowsOfSource.add(identity.row());
      }
    }
    Map<Identity, List<@Nullable Object>> values = new HashMap<>();
    for (TraceQuery.Valued valued : table.values(split.split(), rowsOfSource, columns.get(index))) {
      values.put(new Identity(valued.identity(), valued.copy()), valued.values());
    }
    identities.forEach((row, identity) ->
        found.put(row, row(table, identity, Objects.requireNonNull(values.get(identity)))));
  }

  private StepTrace.Row row(TracedSplits table, Identity identity, List<@Nullable Object> values) {
    DatasetPlan of = table.plan();
    return new StepTrace.Row(
        0,
        0,
        plan instanceof MixPlan ? of.name() : null,
        of.table().files().get((int) (identity.row() >>> SplitQuery.NUMBER_BITS)).relative(),
        identity.row() & ((1L << SplitQuery.NUMBER_BITS) - 1),
        table.query().identities().copyNumbers(identity.copy()),
        values);
  }
}
