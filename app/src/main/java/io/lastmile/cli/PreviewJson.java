package io.lastmile.cli;

import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SampleCounts;
import io.lastmile.plan.StepEffect;
import io.lastmile.preview.Preview;
import io.lastmile.preview.Sample;
import io.lastmile.query.ColumnType;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A preview as a tree of JSON; what is not known is null, never absent. */
final class PreviewJson {
  private PreviewJson() {}

  static Map<String, @Nullable Object> tree(Preview preview) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("name", preview.plan().name());
    tree.put("sample", sample(preview));
    tree.put("label", preview.label());
    tree.put("steps", preview.steps().stream().map(PreviewJson::step).toList());
    tree.put("columns", preview.columns().stream().map(PreviewJson::column).toList());
    tree.put("in_sequence_order", preview.sample().whole());
    tree.put("rows", rows(preview));
    tree.put("sql", Preview.sql(preview.plan()));
    return tree;
  }

  private static Map<String, @Nullable Object> sample(Preview preview) {
    Sample sample = preview.sample();
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("rows", sample.rows());
    tree.put("row_groups", sample.rowGroups());
    tree.put("all_rows", preview.plan().table().rows());
    tree.put("all_row_groups", sample.allRowGroups());
    tree.put("rows_left", preview.left());
    tree.put("row_groups_skipped", preview.skipped());
    tree.put("pruned_files", preview.plan().pruned().files());
    tree.put("pruned_row_groups", preview.plan().pruned().rowGroups());
    return tree;
  }

  private static Map<String, @Nullable Object> step(StepEffect step) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("step", step.step());
    tree.put("kind", step.kind());
    tree.put("text", step.text());
    tree.put("rows_in", step.before().rows());
    tree.put("rows_out", step.after().rows());
    tree.put("kept", step.kept());
    tree.put("label_rate_before", step.before().labelRate());
    tree.put("label_rate_after", step.after().labelRate());
    tree.put("weights", weights(step.after()));
    tree.put("null_shares", step.nullShares());
    return tree;
  }

  private static Map<String, @Nullable Object> weights(SampleCounts counts) {
    Map<String, @Nullable Object> sums = new LinkedHashMap<>();
    counts.weights().forEach((name, sum) -> sums.put(name, Double.isFinite(sum) ? sum : "" + sum));
    return sums;
  }

  private static Map<String, @Nullable Object> column(SampleColumn column) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("tensor", column.tensor());
    tree.put("name", column.name());
    tree.put("type", column.type().sql());
    return tree;
  }

  private static List<List<@Nullable Object>> rows(Preview preview) {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    for (List<@Nullable Object> texts : preview.rows()) {
      rows.add(row(preview.columns(), texts));
    }
    return rows;
  }

  private static List<@Nullable Object> row(
      List<SampleColumn> columns, List<@Nullable Object> texts) {
    List<@Nullable Object> row = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      row.add(value(columns.get(i).type(), texts.get(i)));
    }
    return row;
  }

  /** Numbers and booleans as such; what JSON cannot say, such as a NaN or a date, as a text. */
  static @Nullable Object value(ColumnType type, @Nullable Object text) {
    return switch (text) {
      case List<?> list -> {
        List<@Nullable Object> values = new ArrayList<>();
        list.forEach(each -> values.add(value(element(type), each)));
        yield values;
      }
      case String one when type instanceof ColumnType.Scalar(ColumnType.Kind kind) ->
          scalar(kind, one);
      case null, default -> text;
    };
  }

  private static ColumnType element(ColumnType type) {
    return switch (type) {
      case ColumnType.ListOf(ColumnType element) -> element;
      case ColumnType.ArrayOf(ColumnType element, int _) -> element;
      case ColumnType.Scalar _, ColumnType.Other _ -> type;
    };
  }

  private static Object scalar(ColumnType.Kind kind, String text) {
    return switch (kind) {
      case BOOLEAN -> Boolean.valueOf(text);
      case TINYINT, SMALLINT, INTEGER, BIGINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT, HUGEINT ->
          new BigInteger(text);
      case FLOAT, DOUBLE -> text.matches("-?(nan|inf|infinity)") ? text : Double.valueOf(text);
      case DECIMAL,
          DATE,
          TIME,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS,
          VARCHAR,
          BLOB ->
          text;
    };
  }
}
