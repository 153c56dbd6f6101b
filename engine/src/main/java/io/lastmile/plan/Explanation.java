package io.lastmile.plan;

import io.lastmile.batch.TensorForm;
import io.lastmile.dataset.ByteSize;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Mix;
import io.lastmile.dataset.Shuffle;
import io.lastmile.dataset.Source;
import io.lastmile.dataset.Step;
import io.lastmile.dataset.Tensor;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A plan in words. */
final class Explanation {
  private static final int COLUMNS_SHOWN = 12;
  private static final int SPLITS_SHOWN = 3;

  private final StringBuilder text = new StringBuilder();

  private Explanation() {}

  /** What is read, what is done with it, and the query that does it. */
  static String of(DatasetPlan plan) {
    Explanation explanation = new Explanation();
    explanation.title("dataset", plan);
    explanation.source(plan);
    explanation.steps(plan);
    explanation.tensors(plan.dataset(), plan.forms());
    explanation.splits(plan);
    explanation.order(plan.dataset().order());
    explanation.end(plan.dataset().lastStep());
    explanation.memory(plan);
    return explanation.text.toString();
  }

  /** What is mixed, and how each of it is read. */
  static String of(MixPlan plan) {
    Explanation explanation = new Explanation();
    explanation.title("dataset", plan);
    explanation.mix(plan.mix());
    Limit limit = plan.limit();
    if (limit != null) {
      explanation.line("steps", limit.step() + " limit: " + limit.rows());
    }
    explanation.tensors(plan.dataset(), plan.members().getFirst().forms());
    explanation.end(plan.dataset().lastStep());
    explanation.memory(plan);
    for (DatasetPlan member : plan.members()) {
      explanation.title("mixed dataset", member);
      explanation.source(member);
      explanation.steps(member);
      explanation.splits(member);
    }
    return explanation.text.toString();
  }

  private void title(String what, FeedPlan plan) {
    text.append(what)
        .append(' ')
        .append(plan.name())
        .append(" (plan ")
        .append(plan.fingerprint())
        .append(")\n");
  }

  private void mix(Mix mix) {
    String parts =
        mix.parts().stream()
            .map(part -> part.ratio() + " " + part.dataset())
            .collect(Collectors.joining(", "));
    line("mix", parts + " (on_dry: " + mix.onDry().word() + ")");
  }

  private void line(String label, String value) {
    text.append("  ").append(String.format(Locale.ROOT, "%-9s", label)).append(value).append('\n');
  }

  private void source(DatasetPlan plan) {
    List<TableFile> files = plan.table().files();
    Pruned pruned = plan.pruned();
    long bytes = files.stream().mapToLong(TableFile::bytes).sum();
    long groups = files.stream().mapToLong(file -> file.rowGroups().size()).sum();
    String paths =
        plan.dataset().source() instanceof Source.Files source
            ? String.join(", ", source.paths())
            : "";
    line(
        "source",
        String.format(
            Locale.ROOT,
            "%s: %s, %s, %s, %,d MB%s",
            paths,
            Counted.of(plan.table().found() - pruned.files(), plan.table().found(), "file"),
            Counted.of(groups, groups + pruned.rowGroups(), "row group"),
            Counted.of(plan.table().rows(), "row"),
            bytes / 1_000_000,
            pruned.by().isEmpty() ? "" : " (pruned by " + String.join("; ", pruned.by()) + ")"));
    List<String> read = plan.query().sources();
    int columns = plan.table().columns().size();
    line("reads", read.size() + " of " + Counted.of(columns, "column") + ": " + shortened(read));
  }

  private static String shortened(List<String> names) {
    String shown = names.stream().limit(COLUMNS_SHOWN).collect(Collectors.joining(", "));
    int more = names.size() - COLUMNS_SHOWN;
    return more > 0 ? shown + " and " + more + " more" : shown;
  }

  private void steps(DatasetPlan plan) {
    List<Step> steps = plan.dataset().steps();
    for (int i = 0; i < steps.size(); i++) {
      line(i == 0 ? "steps" : "", i + " " + StepText.of(steps.get(i)) + size(plan, i));
    }
  }

  private static String size(DatasetPlan plan, int step) {
    return plan.smallTableSizes().stream()
        .filter(table -> table.step() == step)
        .map(table ->
            " (%s, %s in memory)"
                .formatted(Counted.of(table.rows(), "row"), ByteSize.mebibytes(table.bytes())))
        .collect(Collectors.joining());
  }

  private void tensors(Dataset dataset, List<TensorForm> all) {
    String label = "tensors";
    for (Tensor tensor : dataset.tensors()) {
      line(label, tensor(all.stream().filter(form -> form.name().equals(tensor.name())).toList()));
      label = "";
    }
    if (!dataset.keys().isEmpty()) {
      line("keys", String.join(", ", dataset.keys()));
    }
  }

  /** A tensor in words; its forms are its values, or those of its keys, and its mask. */
  static String tensor(List<TensorForm> forms) {
    List<TensorForm> values =
        forms.stream().filter(form -> form.role() == TensorForm.Role.TENSOR).toList();
    TensorForm first = values.getFirst();
    boolean masked = forms.stream().anyMatch(form -> form.role() == TensorForm.Role.MASK);
    return first.name()
        + " "
        + shape(values)
        + (masked ? " and mask" : "")
        + " "
        + first.dtype().word()
        + (first.unit().isEmpty() ? "" : " (" + first.unit() + ")")
        + " from "
        + shortened(values.stream().flatMap(form -> form.columns().stream()).toList());
  }

  private static String shape(List<TensorForm> values) {
    TensorForm form = values.getFirst();
    return switch (form.kind()) {
      case COLUMN -> "[batch]";
      case MATRIX, FIXED -> "[batch, " + form.width() + "]";
      case PADDED -> "[batch, " + form.width() + "] padded";
      case RAGGED, TEXT -> "ragged";
      case KEYED -> values.size() + " keys of ragged";
    };
  }

  private void splits(DatasetPlan plan) {
    List<Split> splits = plan.splits().of(0);
    String order =
        switch (plan.dataset().shuffle()) {
          case Shuffle.None _ -> "in file order, one row group each";
          case Shuffle.RowGroups groups ->
              "shuffled, "
                  + Counted.of(groups.count(), "row group")
                  + " each"
                  + (groups.within() == null ? "" : ", within " + groups.within());
        };
    line("splits", String.format(Locale.ROOT, "%,d an epoch, %s", splits.size(), order));
    splits.stream().limit(SPLITS_SHOWN).forEach(split -> line("", split(split)));
    if (!splits.isEmpty()) {
      line("query", "of split 0:");
      text.append(plan.query().sql(splits.getFirst()).indent(4));
    }
  }

  private static String split(Split split) {
    Map<String, List<String>> rowGroups = new LinkedHashMap<>();
    for (Split.Part part : split.parts()) {
      rowGroups
          .computeIfAbsent(part.file().relative(), file -> new ArrayList<>())
          .add(Integer.toString(part.rowGroup().ordinal()));
    }
    return "%d: %s, %s "
            .formatted(
                split.ordinal(),
                Counted.of(split.rows(), "row"),
                Counted.things(split.parts().size(), "row group"))
        + rowGroups.entrySet().stream()
            .map(file -> String.join(", ", file.getValue()) + " of " + file.getKey())
            .collect(Collectors.joining("; "));
  }

  private void order(Dataset.Order order) {
    switch (order) {
      case DETERMINISTIC -> {}
      case ARRIVAL -> line("order", "of splits: as they arrive");
    }
  }

  private void end(Dataset.LastStep lastStep) {
    switch (lastStep) {
      case UNEVEN -> {}
      case PAD -> line("end", "rows that fill no whole step: batches filled up with padding");
      case DROP -> line("end", "rows that fill no whole step: dropped");
    }
  }

  private void memory(FeedPlan plan) {
    Budget budget = plan.budget();
    line(
        "memory",
        "engine "
            + ByteSize.mebibytes(budget.engine())
            + " for all datasets, rows that wait "
            + ByteSize.mebibytes(budget.staging())
            + ", slots "
            + plan.dataset().slots()
            + " × "
            + ByteSize.mebibytes(plan.slotLayout().bytes())
            + " a rank, heap "
            + ByteSize.mebibytes(Runtime.getRuntime().maxMemory()));
  }
}
