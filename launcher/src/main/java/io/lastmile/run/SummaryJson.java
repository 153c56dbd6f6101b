package io.lastmile.run;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The tree of {@code summary.json}: all keys are always there. */
final class SummaryJson {
  private SummaryJson() {}

  static Map<String, @Nullable Object> tree(Summary summary) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("version", Summary.VERSION);
    tree.put("name", summary.name());
    tree.put("started", summary.started().toString());
    tree.put("seconds", summary.seconds());
    tree.put("exit", exit(summary.exit()));
    tree.put("restarts", summary.restarts());
    tree.put("memory_peak_bytes", summary.memoryPeakBytes());
    tree.put("ranks", summary.ranks().stream().map(SummaryJson::rank).toList());
    Map<String, Object> datasets = new HashMap<>();
    summary.datasets().forEach((name, dataset) -> datasets.put(name, dataset(dataset)));
    tree.put("datasets", datasets);
    return tree;
  }

  private static Map<String, @Nullable Object> exit(Summary.Exit exit) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("code", exit.code());
    tree.put("kind", exit.kind());
    tree.put("message", exit.message());
    return tree;
  }

  private static Map<String, @Nullable Object> rank(Summary.Rank rank) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("rank", rank.rank());
    tree.put("steps", rank.steps());
    tree.put("trainer_wait_share", rank.waitShare());
    tree.put("exit_code", rank.exitCode());
    return tree;
  }

  private static Map<String, @Nullable Object> dataset(Summary.Dataset dataset) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("time_to_first_batch_s", dataset.firstBatchSeconds());
    tree.put("row_groups_skipped", dataset.rowGroupsSkipped());
    tree.put("pruned", dataset.pruned() == null ? null : pruned(dataset.pruned()));
    tree.put("epochs", dataset.epochs().stream().map(SummaryJson::epoch).toList());
    return tree;
  }

  private static Map<String, Object> pruned(Summary.Pruned pruned) {
    return Map.of("files", pruned.files(), "row_groups", pruned.rowGroups(), "rows", pruned.rows());
  }

  private static Map<String, @Nullable Object> epoch(Summary.Epoch epoch) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("epoch", epoch.epoch());
    tree.put("rows_read", epoch.read());
    tree.put("rows_added", epoch.added().stream().map(SummaryJson::stepRows).toList());
    tree.put("rows_dropped", epoch.dropped().stream().map(SummaryJson::stepRows).toList());
    tree.put("rows_delivered", epoch.delivered());
    tree.put("rows_padded", epoch.padded());
    Summary.Positives positives = epoch.positives();
    tree.put("label", positives == null ? null : positives.label());
    tree.put("positives", positives == null ? null : positives.rows());
    tree.put("unknown", epoch.unknown());
    tree.put("mixed", epoch.mixed().stream().map(SummaryJson::mixed).toList());
    tree.put("estimated", epoch.estimated() == null ? null : estimated(epoch.estimated()));
    return tree;
  }

  private static Map<String, @Nullable Object> estimated(Summary.Estimated estimated) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("rows", compared(estimated.rows()));
    Summary.Compared positives = estimated.positives();
    tree.put("positives", positives == null ? null : compared(positives));
    tree.put("steps", estimated.steps() == null ? null : compared(estimated.steps()));
    return tree;
  }

  private static Map<String, @Nullable Object> compared(Summary.Compared compared) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("estimate", compared.estimate());
    tree.put("low", compared.low());
    tree.put("high", compared.high());
    tree.put("actual", compared.actual());
    tree.put("inside", compared.inside());
    return tree;
  }

  private static Map<String, Object> mixed(Summary.MixedRows rows) {
    return Map.of(
        "dataset", rows.dataset(),
        "passes", rows.passes(),
        "rows_read", rows.read(),
        "rows_unread", rows.unread(),
        "rows_delivered", rows.delivered());
  }

  /** In a mix with the dataset whose step it is. */
  private static Map<String, Object> stepRows(Summary.StepRows rows) {
    Map<String, Object> tree = new HashMap<>();
    tree.put("step", rows.step());
    tree.put("kind", rows.kind());
    tree.put("rows", rows.rows());
    if (rows.dataset() != null) {
      tree.put("dataset", rows.dataset());
    }
    return tree;
  }
}
