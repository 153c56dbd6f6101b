package io.lastmile.cli;

import io.lastmile.estimate.Interval;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.RankProgress;
import io.lastmile.run.Summary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The summary of a run as the user reads it.
 *
 * @param record folder of the run
 * @param summary of the run
 * @param progress of its feeds at the end
 */
record SummaryText(Path record, Summary summary, FeedProgress progress) {
  private static final double NANOS = 1e9;

  String text() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %s after %s"
            .formatted(
                record.getFileName(), summary.exit().kind(), Quantity.seconds(summary.seconds())));
    summary.datasets().forEach((name, dataset) -> appendDataset(lines, name, dataset));
    summary.ranks().forEach(rank -> lines.add(rank(rank)));
    if (summary.restarts() > 0) {
      lines.add("restarts " + summary.restarts());
    }
    Long memory = summary.memoryPeakBytes();
    if (memory != null) {
      lines.add("peak memory " + Quantity.bytes(memory));
    }
    lines.add("run record " + record);
    return String.join("\n", lines);
  }

  private void appendDataset(List<String> lines, String name, Summary.Dataset dataset) {
    Double first = dataset.firstBatchSeconds();
    if (first == null) {
      lines.add(
          name
              + (dataset.epochs().isEmpty() ? ": not read" : ": no batch")
              + pruned(dataset.pruned()));
      dataset.epochs().forEach(epoch -> appendEpoch(lines, epoch, prunesAll(name, dataset)));
      return;
    }
    Integer skipped = dataset.rowGroupsSkipped();
    lines.add(
        "%s: first batch after %s%s%s%s"
            .formatted(
                name,
                Quantity.seconds(first),
                rate(name, dataset),
                skipped == null || skipped == 0 ? "" : ", row groups skipped " + skipped,
                pruned(dataset.pruned())));
    DatasetProgress feed = progress.datasets().get(name);
    if (feed != null) {
      feed.rowGroupsSkipped().forEach(place -> lines.add("  skipped " + place));
    }
    dataset.epochs().forEach(epoch -> appendEpoch(lines, epoch, prunesAll(name, dataset)));
  }

  /** Whether filters ruled out the whole source before it was read. */
  private boolean prunesAll(String name, Summary.Dataset dataset) {
    DatasetProgress feed = progress.datasets().get(name);
    Summary.Pruned pruned = dataset.pruned();
    return feed != null && feed.rowsPerEpoch() == 0 && pruned != null && isAny(pruned);
  }

  private static void appendEpoch(List<String> lines, Summary.Epoch epoch, boolean prunesAll) {
    lines.add(epoch(epoch, prunesAll));
    Summary.Estimated estimated = epoch.estimated();
    if (estimated != null) {
      lines.add(
          "    estimated "
              + compared(estimated.rows(), "rows")
              + also(estimated.positives(), "positives")
              + also(estimated.steps(), "steps"));
    }
  }

  private static String also(Summary.@Nullable Compared compared, String what) {
    return compared == null ? "" : "; " + compared(compared, what);
  }

  private static String compared(Summary.Compared compared, String what) {
    Interval interval = new Interval(compared.estimate(), compared.low(), compared.high());
    Boolean inside = compared.inside();
    String how = inside == null ? "no interval" : inside ? "inside" : "outside";
    return "%s %s, got %s: %s"
        .formatted(
            EstimateText.text(interval, Quantity::count),
            what,
            Quantity.count(compared.actual()),
            how);
  }

  private static boolean isAny(Summary.Pruned pruned) {
    return pruned.files() + pruned.rowGroups() > 0;
  }

  private static String pruned(Summary.@Nullable Pruned pruned) {
    return pruned == null || !isAny(pruned)
        ? ""
        : ", pruned %s and %s with %s"
            .formatted(
                Quantity.counted(pruned.files(), "file"),
                Quantity.counted(pruned.rowGroups(), "row group"),
                Quantity.counted(pruned.rows(), "row"));
  }

  /** Rows over the time from the first {@code next()} of any rank to its end, in one attempt. */
  private String rate(String name, Summary.Dataset dataset) {
    DatasetProgress feed = progress.datasets().get(name);
    long elapsed =
        feed == null
            ? 0
            : feed.ranks().stream().mapToLong(RankProgress::elapsedNanos).max().orElse(0);
    long rows = dataset.epochs().stream().mapToLong(Summary.Epoch::delivered).sum();
    return elapsed == 0 || summary.restarts() > 0
        ? ""
        : ", %s rows/s".formatted(Quantity.count(rate(rows, elapsed)));
  }

  private static long rate(long rows, long nanos) {
    return Math.round(rows / (nanos / NANOS));
  }

  private static String epoch(Summary.Epoch epoch, boolean prunesAll) {
    boolean leftNone = epoch.delivered() == 0 && (epoch.read() > 0 || prunesAll);
    String unknown =
        epoch.unknown().entrySet().stream()
            .map(tensor ->
                ", unknown words of %s %s"
                    .formatted(tensor.getKey(), Quantity.count(tensor.getValue())))
            .collect(Collectors.joining());
    return "  epoch %d: rows read %s%s%s, delivered %s%s%s, padded %s%s"
        .formatted(
            epoch.epoch(),
            Quantity.count(epoch.read()),
            stepRows("added", epoch.added()),
            stepRows("dropped", epoch.dropped()),
            Quantity.count(epoch.delivered()),
            leftNone ? " (no row is left: no steps)" : "",
            positives(epoch),
            Quantity.count(epoch.padded()),
            unknown + mixed(epoch.mixed()));
  }

  private static String positives(Summary.Epoch epoch) {
    Summary.Positives positives = epoch.positives();
    if (positives == null) {
      return "";
    }
    String share =
        epoch.delivered() == 0
            ? ""
            : String.format(
                Locale.ROOT, " (%.2f %%)", 100.0 * positives.rows() / epoch.delivered());
    return ", positives %s of %s%s"
        .formatted(Quantity.count(positives.rows()), positives.label(), share);
  }

  private static String mixed(List<Summary.MixedRows> datasets) {
    return datasets.stream()
        .map(rows ->
            "\n    %s: rows read %s in %d %s, %s not read, delivered %s"
                .formatted(
                    rows.dataset(),
                    Quantity.count(rows.read()),
                    rows.passes(),
                    rows.passes() == 1 ? "pass" : "passes",
                    Quantity.count(rows.unread()),
                    Quantity.count(rows.delivered())))
        .collect(Collectors.joining());
  }

  private static String stepRows(String what, List<Summary.StepRows> steps) {
    return steps.stream()
        .map(step ->
            ", %s by step %d (%s)%s %s"
                .formatted(
                    what,
                    step.step(),
                    step.kind(),
                    step.dataset() == null ? "" : " of " + step.dataset(),
                    Quantity.count(step.rows())))
        .collect(Collectors.joining());
  }

  private static String rank(Summary.Rank rank) {
    Long steps = rank.steps();
    Double share = rank.waitShare();
    String done = steps == null ? "no feed opened" : Quantity.counted(steps, "step");
    String waited = share == null ? "" : ", trainer waited " + Quantity.percent(share);
    Integer code = rank.exitCode();
    String ended = code == null ? ", not started" : code == 0 ? "" : ", exit code " + code;
    return "rank %d: %s%s%s".formatted(rank.rank(), done, waited, ended);
  }
}
