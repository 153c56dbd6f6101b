package io.lastmile.cli;

import io.lastmile.plan.SampleColumn;
import io.lastmile.trace.Fate;
import io.lastmile.trace.RowTrace;
import io.lastmile.trace.StepTrace;
import io.lastmile.trace.Use;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What was traced as a tree of JSON; what there is not is null, never absent. */
final class TraceJson {
  private TraceJson() {}

  static Map<String, @Nullable Object> tree(StepTrace trace) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("version", 1);
    tree.put("dataset", trace.dataset());
    tree.put("epoch", trace.epoch());
    tree.put("step", trace.step());
    tree.put("rank", trace.rank());
    tree.put("ranks", trace.ranks());
    tree.put("first_row", trace.firstRow());
    tree.put("row_count", trace.rowCount());
    tree.put("times_taken", trace.times());
    tree.put("rows", trace.rows().stream().map(row -> tree(trace, row)).toList());
    return tree;
  }

  private static Map<String, @Nullable Object> tree(StepTrace trace, StepTrace.Row row) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("row", row.row());
    tree.put("rank", row.rank());
    tree.put("table", row.table());
    tree.put("file", row.file());
    tree.put("number", row.number());
    tree.put("copies", row.copies());
    tree.put("columns", values(trace.columns(), row.values()));
    return tree;
  }

  private static Map<String, @Nullable Object> values(
      List<SampleColumn> columns, List<@Nullable Object> texts) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    for (int i = 0; i < columns.size(); i++) {
      values.put(columns.get(i).name(), PreviewJson.value(columns.get(i).type(), texts.get(i)));
    }
    return values;
  }

  static Map<String, @Nullable Object> tree(RowTrace trace) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("version", 1);
    tree.put("dataset", trace.dataset());
    tree.put("found", trace.found());
    tree.put("rows", trace.rows().stream().map(TraceJson::tree).toList());
    tree.put("not_searched", trace.notSearched());
    return tree;
  }

  private static Map<String, @Nullable Object> tree(RowTrace.Row row) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("table", row.table());
    tree.put("file", row.file());
    tree.put("number", row.number());
    tree.put("columns", values(row.columns(), row.values()));
    tree.put("fates", row.fates().stream().map(TraceJson::tree).toList());
    return tree;
  }

  private static Map<String, @Nullable Object> tree(Fate.OfCopy of) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("epoch", of.epoch());
    tree.put("pass", of.pass());
    tree.put("copies", of.copies());
    switch (of.fate()) {
      case Fate.Used(long row, List<Use> uses) -> put(tree, "used", row, uses, null, null, null);
      case Fate.Dropped(int step, String kind, String why) ->
          put(tree, "dropped", null, List.of(), step, kind, why);
      case Fate.NotRead(String why) -> put(tree, "not_read", null, List.of(), null, null, why);
      case Fate.NotGiven(String why) -> put(tree, "not_given", null, List.of(), null, null, why);
    }
    return tree;
  }

  private static void put(
      Map<String, @Nullable Object> tree,
      String fate,
      @Nullable Long row,
      List<Use> uses,
      @Nullable Integer step,
      @Nullable String kind,
      @Nullable String why) {
    tree.put("fate", fate);
    tree.put("row", row);
    tree.put("uses", uses.stream().map(TraceJson::tree).toList());
    tree.put("dropped_by", step);
    tree.put("kind", kind);
    tree.put("why", why);
  }

  private static Map<String, Object> tree(Use use) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("step", use.step());
    tree.put("rank", use.rank());
    tree.put("row_of_batch", use.rowOfBatch());
    tree.put("taken_back", use.again());
    return tree;
  }
}
