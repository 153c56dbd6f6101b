package io.lastmile.cli;

import io.lastmile.plan.Pruned;
import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SampleCounts;
import io.lastmile.plan.StepEffect;
import io.lastmile.preview.Preview;
import io.lastmile.preview.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A preview as the user reads it.
 *
 * @param preview of a dataset
 */
record PreviewText(Preview preview) {
  private static final int COLUMNS_SHOWN = 3;
  private static final int NULLS_SHOWN = 3;
  private static final int LONGEST_STEP = 48;
  private static final int LONGEST_VALUE = 24;

  String text() {
    List<String> lines = new ArrayList<>();
    lines.add("dataset " + preview.plan().name() + ": " + sample());
    preview.skipped().forEach(place -> lines.add("  skipped " + place));
    if (!preview.steps().isEmpty()) {
      lines.add("");
      lines.addAll(steps());
    }
    lines.add("");
    lines.addAll(rows());
    return String.join("\n", lines);
  }

  private String sample() {
    Sample sample = preview.sample();
    return "%s of the first %s of %s of epoch 0%s, %s left"
        .formatted(
            Quantity.counted(sample.rows(), "row"),
            Quantity.count(sample.rowGroups()),
            Quantity.counted(sample.allRowGroups(), "row group"),
            pruned(preview.plan().pruned()),
            Quantity.count(preview.left()));
  }

  private static String pruned(Pruned pruned) {
    return pruned.by().isEmpty()
        ? ""
        : " (%s and %s more are pruned by %s)"
            .formatted(
                Quantity.counted(pruned.files(), "file"),
                Quantity.counted(pruned.rowGroups(), "row group"),
                String.join("; ", pruned.by()));
  }

  private List<String> steps() {
    boolean labelled = preview.label() != null;
    boolean weighted = preview.steps().stream().anyMatch(step -> !step.after().weights().isEmpty());
    List<List<String>> table = new ArrayList<>();
    List<Boolean> right = new ArrayList<>(List.of(false, true, true, true));
    List<String> head = new ArrayList<>(List.of("STEP", "ROWS IN", "ROWS OUT", "KEPT"));
    if (labelled) {
      head.add("RATE OF " + preview.label());
      right.add(true);
    }
    if (weighted) {
      head.add("SUM OF WEIGHTS");
      right.add(false);
    }
    head.add("NULLS");
    right.add(false);
    table.add(head);
    for (StepEffect step : preview.steps()) {
      List<String> line = new ArrayList<>();
      line.add(cut(step.step() + " " + step.kind() + ": " + step.text(), LONGEST_STEP));
      line.add(Quantity.count(step.before().rows()));
      line.add(Quantity.count(step.after().rows()));
      line.add(percent(step.kept()));
      if (labelled) {
        line.add(rate(step.before()) + " → " + rate(step.after()));
      }
      if (weighted) {
        line.add(weights(step.after()));
      }
      line.add(nulls(step.nullShares()));
      table.add(line);
    }
    return aligned(table, right);
  }

  private static String percent(@Nullable Double share) {
    return share == null ? "-" : Quantity.percent(share);
  }

  /** With two places: labels are often rare. */
  private static String rate(SampleCounts counts) {
    Double rate = counts.labelRate();
    return rate == null ? "-" : String.format(Locale.ROOT, "%.2f %%", rate * 100);
  }

  private static String weights(SampleCounts counts) {
    return counts.weights().isEmpty()
        ? "-"
        : counts.weights().entrySet().stream()
            .map(weight ->
                weight.getKey() + " " + String.format(Locale.ROOT, "%,.1f", weight.getValue()))
            .collect(Collectors.joining(", "));
  }

  private static String nulls(Map<String, Double> shares) {
    if (shares.isEmpty()) {
      return "-";
    }
    String shown =
        shares.entrySet().stream()
            .limit(NULLS_SHOWN)
            .map(column -> column.getKey() + " " + Quantity.percent(column.getValue()))
            .collect(Collectors.joining(", "));
    int more = shares.size() - NULLS_SHOWN;
    return more > 0 ? shown + " and " + more + " more" : shown;
  }

  private List<String> rows() {
    if (preview.rows().isEmpty()) {
      return List.of(preview.left() == 0 ? "No row of the sample is left" : "No row shown");
    }
    List<Integer> shown = shownColumns();
    List<List<String>> table = new ArrayList<>();
    table.add(shown.stream().map(i -> preview.columns().get(i).name()).toList());
    for (List<@Nullable Object> row : preview.rows()) {
      table.add(shown.stream().map(i -> value(row.get(i))).toList());
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s %s%s:"
            .formatted(
                Quantity.counted(preview.rows().size(), "row"),
                preview.sample().whole()
                    ? "from the first of epoch 0"
                    : "in the order of the files (the first split is larger than the sample)",
                shown.size() == preview.columns().size()
                    ? ""
                    : ", %d of %d columns (--json gives all)"
                        .formatted(shown.size(), preview.columns().size())));
    lines.addAll(aligned(table, shown.stream().map(i -> !isText(i)).toList()));
    return lines;
  }

  /** The first few columns of each tensor, and the keys, each once. */
  private List<Integer> shownColumns() {
    List<SampleColumn> columns = preview.columns();
    List<Integer> shown = new ArrayList<>();
    List<String> names = new ArrayList<>();
    String tensor = "";
    int ofTensor = 0;
    for (int i = 0; i < columns.size(); i++) {
      SampleColumn column = columns.get(i);
      String of = column.tensor() == null ? "" : column.tensor();
      ofTensor = of.equals(tensor) ? ofTensor + 1 : 0;
      tensor = of;
      boolean few = column.tensor() == null || ofTensor < COLUMNS_SHOWN;
      if (few && !names.contains(column.name())) {
        names.add(column.name());
        shown.add(i);
      }
    }
    return shown;
  }

  private boolean isText(int column) {
    SampleColumn of = preview.columns().get(column);
    return of.list() || of.type().sql().equals("VARCHAR");
  }

  /** A value in few letters. */
  static String value(@Nullable Object value) {
    String text =
        switch (value) {
          case null -> "null";
          case List<?> list ->
              list.stream().map(PreviewText::value).collect(Collectors.joining(", ", "[", "]"));
          default -> value.toString();
        };
    return cut(text.replaceAll("\\p{Cntrl}", "�"), LONGEST_VALUE);
  }

  private static String cut(String text, int longest) {
    return text.codePointCount(0, text.length()) <= longest
        ? text
        : text.substring(0, text.offsetByCodePoints(0, longest - 1)) + "…";
  }

  /** The lines of a table, its columns under each other. */
  static List<String> aligned(List<List<String>> table, List<Boolean> right) {
    List<String> lines = new ArrayList<>();
    for (List<String> row : table) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        int column = i;
        int width =
            table.stream()
                .map(each -> each.get(column))
                .mapToInt(PreviewText::width)
                .max()
                .orElse(0);
        String space = " ".repeat(width - width(row.get(i)));
        line.append(i == 0 ? "" : "  ");
        line.append(right.get(i) ? space + row.get(i) : row.get(i) + space);
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static int width(String text) {
    return text.codePointCount(0, text.length());
  }
}
