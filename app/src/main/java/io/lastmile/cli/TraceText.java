package io.lastmile.cli;

import io.lastmile.plan.SampleColumn;
import io.lastmile.trace.Fate;
import io.lastmile.trace.RowTrace;
import io.lastmile.trace.StepTrace;
import io.lastmile.trace.Use;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What was traced as the user reads it. */
final class TraceText {
  private TraceText() {}

  static String of(StepTrace trace) {
    List<String> lines = new ArrayList<>();
    String of =
        trace.rank() == null ? "" : ", rank %d of %d".formatted(trace.rank(), trace.ranks());
    String what =
        trace.rowCount() == 0
            ? "only padding"
            : "%s, from row %d of the epoch"
                .formatted(Quantity.counted(trace.rowCount(), "row"), trace.firstRow());
    lines.add(
        "dataset %s, epoch %d, step %d%s: %s"
            .formatted(trace.dataset(), trace.epoch(), trace.step(), of, what));
    if (trace.times() > 1) {
      lines.add(
          "  taken %d times, since ranks went back: these are the rows of the last"
              .formatted(trace.times()));
    }
    if (!trace.rows().isEmpty()) {
      lines.add("");
      lines.addAll(table(trace));
    }
    more(lines, trace.rowCount() - trace.rows().size());
    return String.join("\n", lines);
  }

  private static List<String> table(StepTrace trace) {
    boolean mixed = trace.rows().stream().anyMatch(row -> row.table() != null);
    boolean copied = trace.rows().stream().anyMatch(row -> !row.copies().isEmpty());
    List<List<String>> table = new ArrayList<>();
    List<Boolean> right = new ArrayList<>();
    List<String> head = new ArrayList<>();
    column(head, right, trace.rank() == null, "RANK", true);
    column(head, right, mixed, "DATASET", false);
    column(head, right, true, "FILE", false);
    column(head, right, true, "ROW", true);
    column(head, right, copied, "COPY", true);
    for (SampleColumn column : trace.columns()) {
      boolean text = column.list() || column.type().sql().equals("VARCHAR");
      column(head, right, true, column.name(), !text);
    }
    table.add(head);
    for (StepTrace.Row row : trace.rows()) {
      List<String> line = new ArrayList<>();
      cell(line, trace.rank() == null, Integer.toString(row.rank()));
      cell(line, mixed, String.valueOf(row.table()));
      line.add(row.file());
      line.add(Long.toString(row.number()));
      cell(line, copied, copies(row.copies()));
      row.values().forEach(value -> line.add(PreviewText.value(value)));
      table.add(line);
    }
    return PreviewText.aligned(table, right);
  }

  private static void column(
      List<String> head, List<Boolean> right, boolean shown, String name, boolean isRight) {
    if (shown) {
      head.add(name);
      right.add(isRight);
    }
  }

  private static void cell(List<String> line, boolean shown, String text) {
    if (shown) {
      line.add(text);
    }
  }

  private static String copies(List<Long> copies) {
    return copies.stream().map(String::valueOf).collect(Collectors.joining("."));
  }

  private static void more(List<String> lines, long more) {
    if (more > 0) {
      lines.add("and %s more (--limit)".formatted(Quantity.count(more)));
    }
  }

  static String of(RowTrace trace) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "dataset %s: %s found".formatted(trace.dataset(), Quantity.counted(trace.found(), "row")));
    trace.notSearched().forEach(place -> lines.add("  not searched: " + place));
    for (RowTrace.Row row : trace.rows()) {
      lines.add("");
      lines.add(
          "%s%s:%d%s"
              .formatted(
                  row.table() == null ? "" : row.table() + " ",
                  row.file(),
                  row.number(),
                  values(row.columns(), row.values())));
      row.fates().forEach(fate -> lines.add("  " + of(fate)));
    }
    if (trace.found() > trace.rows().size()) {
      lines.add("");
    }
    more(lines, trace.found() - trace.rows().size());
    return String.join("\n", lines);
  }

  private static String values(List<SampleColumn> columns, List<@Nullable Object> values) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < columns.size(); i++) {
      text.append(i == 0 ? "  " : ", ")
          .append(columns.get(i).name())
          .append(" = ")
          .append(PreviewText.value(values.get(i)));
    }
    return text.toString();
  }

  private static String of(Fate.OfCopy of) {
    String pass = of.pass() == 0 ? "" : ", pass " + of.pass();
    String copy = of.copies().isEmpty() ? "" : ", copy " + copies(of.copies());
    String fate =
        switch (of.fate()) {
          case Fate.Used(long row, List<Use> uses) ->
              uses.stream().map(TraceText::of).collect(Collectors.joining("; then "))
                  + ", row %d of the epoch".formatted(row);
          case Fate.Dropped(int step, String kind, String why) ->
              "dropped by step %d, %s: %s".formatted(step, kind, why);
          case Fate.NotRead(String why) -> "not read: " + why;
          case Fate.NotGiven(String why) -> "not given to any rank: " + why;
        };
    return "epoch %d%s%s: %s".formatted(of.epoch(), pass, copy, fate);
  }

  private static String of(Use use) {
    return "step %d, rank %d, row %d of its batch%s"
        .formatted(
            use.step(),
            use.rank(),
            use.rowOfBatch(),
            use.again() ? " (taken back: the ranks went back)" : "");
  }
}
