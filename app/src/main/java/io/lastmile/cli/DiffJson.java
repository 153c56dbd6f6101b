package io.lastmile.cli;

import io.lastmile.dataset.Mix;
import io.lastmile.diff.DatasetDiff;
import io.lastmile.diff.MixDiff;
import io.lastmile.diff.RowSet;
import io.lastmile.diff.Side;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A comparison as a tree of JSON; what is not known is null, never absent. */
final class DiffJson {
  private DiffJson() {}

  static Map<String, @Nullable Object> tree(DatasetDiff diff) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("same", diff.same());
    tree.put("sample", sample(diff.sample()));
    tree.put("overlaps", diff.overlaps());
    tree.put("a", side(diff.a()));
    tree.put("b", side(diff.b()));
    tree.put(
        "columns",
        diff.changed().entrySet().stream()
            .map(column -> column(column.getKey(), column.getValue(), diff))
            .toList());
    tree.put("columns_only_in_a", diff.onlyA());
    tree.put("columns_only_in_b", diff.onlyB());
    return tree;
  }

  static Map<String, @Nullable Object> tree(MixDiff diff) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("same", diff.same());
    tree.put("a", side(diff.a()));
    tree.put("b", side(diff.b()));
    return tree;
  }

  private static Map<String, @Nullable Object> side(MixDiff.Side side) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("name", side.name());
    tree.put("mix", side.mix().parts().stream().map(DiffJson::part).toList());
    tree.put("on_dry", side.mix().onDry().word());
    tree.put("limit", side.limit());
    return tree;
  }

  private static Map<String, Object> part(Mix.Part part) {
    return Map.of("dataset", part.dataset(), "ratio", part.ratio());
  }

  private static Map<String, Object> sample(DatasetDiff.Sample sample) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("rows", sample.rows());
    tree.put("row_groups", sample.rowGroups());
    tree.put("all_rows", sample.allRows());
    tree.put("all_row_groups", sample.allRowGroups());
    return tree;
  }

  private static Map<String, @Nullable Object> side(Side side) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("name", side.name());
    tree.put("label", side.label());
    tree.put("rows_read", side.read());
    tree.put("steps", side.steps().stream().map(DiffJson::step).toList());
    tree.put("all", rows(side.all()));
    tree.put("both", rows(side.both()));
    tree.put("only", rows(side.only()));
    return tree;
  }

  private static Map<String, Object> step(Side.StepRows step) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("step", step.step());
    tree.put("kind", step.kind());
    tree.put("text", step.text());
    tree.put("added", step.added());
    tree.put("dropped", step.dropped());
    return tree;
  }

  private static Map<String, @Nullable Object> rows(RowSet rows) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("rows", rows.rows());
    tree.put("label_rate", rows.labelRate());
    Map<String, @Nullable Object> sums = new LinkedHashMap<>();
    rows.weights().forEach((name, sum) -> sums.put(name, Double.isFinite(sum) ? sum : "" + sum));
    tree.put("weights", sums);
    return tree;
  }

  private static Map<String, @Nullable Object> column(
      String name, long differing, DatasetDiff diff) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    DatasetDiff.Types types = diff.types().get(name);
    tree.put("name", name);
    tree.put("differing", differing);
    tree.put("types", types == null ? null : List.of(types.a(), types.b()));
    return tree;
  }
}
