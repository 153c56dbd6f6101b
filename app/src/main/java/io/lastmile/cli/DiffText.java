package io.lastmile.cli;

import io.lastmile.diff.DatasetDiff;
import io.lastmile.diff.RowSet;
import io.lastmile.diff.Side;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A comparison as the user reads it.
 *
 * @param diff of two datasets
 * @param a file of the first
 * @param b file of the second
 */
record DiffText(DatasetDiff diff, Path a, Path b) {
  private static final int NAMES_SHOWN = 8;

  String text() {
    List<String> lines = new ArrayList<>();
    lines.add("A: dataset %s of %s".formatted(diff.a().name(), a));
    lines.add("B: dataset %s of %s".formatted(diff.b().name(), b));
    lines.add(sample());
    lines.add("");
    lines.addAll(rows());
    if (!diff.overlaps()) {
      lines.add("No row can be in both: A and B read no row group in common");
    }
    if (diff.a().steps().size() + diff.b().steps().size() > 0) {
      lines.add("");
      lines.addAll(steps());
    }
    lines.add("");
    lines.addAll(values());
    return String.join("\n", lines);
  }

  private String sample() {
    DatasetDiff.Sample sample = diff.sample();
    boolean all = sample.rowGroups() == sample.allRowGroups();
    return all
        ? "on all %s rows that either reads".formatted(Quantity.count(sample.rows()))
        : "on %s of the %s rows that either reads, in %s of %s row groups (--full compares all)"
            .formatted(
                Quantity.count(sample.rows()),
                Quantity.count(sample.allRows()),
                Quantity.count(sample.rowGroups()),
                Quantity.count(sample.allRowGroups()));
  }

  private List<String> rows() {
    List<List<String>> table = new ArrayList<>();
    table.add(List.of("ROWS OF", "ROWS", "SHARE", "RATE OF LABEL", "SUM OF WEIGHTS"));
    add(table, "A", diff.a());
    add(table, "B", diff.b());
    return PreviewText.aligned(table, List.of(false, true, true, true, false));
  }

  private static void add(List<List<String>> table, String name, Side side) {
    table.add(line(name, side.all(), side));
    table.add(line("  in both, as in " + name, side.both(), side));
    table.add(line("  only in " + name, side.only(), side));
  }

  private static List<String> line(String what, RowSet rows, Side side) {
    long all = side.all().rows();
    return List.of(
        what,
        Quantity.count(rows.rows()),
        all == 0 ? "-" : Quantity.percent((double) rows.rows() / all),
        rate(side.label(), rows.labelRate()),
        rows.weights().isEmpty()
            ? "-"
            : rows.weights().entrySet().stream()
                .map(weight ->
                    "%s %s"
                        .formatted(
                            weight.getKey(),
                            String.format(Locale.ROOT, "%,.1f", weight.getValue())))
                .collect(Collectors.joining(", ")));
  }

  /** With two places: labels are often rare. */
  private static String rate(@Nullable String label, @Nullable Double rate) {
    return label == null
        ? "-"
        : label + (rate == null ? " -" : String.format(Locale.ROOT, " %.2f %%", rate * 100));
  }

  private List<String> steps() {
    List<List<String>> table = new ArrayList<>();
    table.add(List.of("STEP", "DROPPED", "ADDED"));
    add(table, "A ", diff.a().steps());
    add(table, "B ", diff.b().steps());
    return PreviewText.aligned(table, List.of(false, true, true));
  }

  private static void add(List<List<String>> table, String side, List<Side.StepRows> steps) {
    for (Side.StepRows step : steps) {
      table.add(
          List.of(
              "%s%d %s: %s".formatted(side, step.step(), step.kind(), step.text()),
              Quantity.count(step.dropped()),
              Quantity.count(step.added())));
    }
  }

  private List<String> values() {
    List<String> lines = new ArrayList<>();
    long both = diff.a().both().rows();
    List<String> same = new ArrayList<>();
    diff.changed()
        .forEach((column, rows) -> {
          DatasetDiff.Types types = diff.types().get(column);
          String as = types == null ? "" : ", %s in A and %s in B".formatted(types.a(), types.b());
          if (rows == 0 && types == null) {
            same.add(column);
          } else {
            lines.add(
                "column %s%s: another value in %s of the %s rows in both%s"
                    .formatted(
                        column,
                        as,
                        Quantity.count(rows),
                        Quantity.count(both),
                        both == 0 ? "" : ", " + Quantity.percent((double) rows / both)));
          }
        });
    if (!same.isEmpty() && both > 0) {
      lines.add("the same values in the rows in both: " + names(same));
    }
    if (!diff.onlyA().isEmpty()) {
      lines.add("columns only in A: " + names(diff.onlyA()));
    }
    if (!diff.onlyB().isEmpty()) {
      lines.add("columns only in B: " + names(diff.onlyB()));
    }
    if (lines.isEmpty()) {
      lines.add("No row is in both");
    }
    return lines;
  }

  private static String names(List<String> columns) {
    String shown = columns.stream().limit(NAMES_SHOWN).collect(Collectors.joining(", "));
    int more = columns.size() - NAMES_SHOWN;
    return more > 0 ? shown + " and " + more + " more" : shown;
  }
}
