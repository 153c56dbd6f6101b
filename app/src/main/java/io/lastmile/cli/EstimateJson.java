package io.lastmile.cli;

import io.lastmile.dataset.Mix;
import io.lastmile.estimate.Estimate;
import io.lastmile.estimate.Interval;
import io.lastmile.estimate.Speed;
import io.lastmile.plan.MixPlan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An estimate as a tree of JSON; what is not known is null, never absent. */
final class EstimateJson {
  private EstimateJson() {}

  /**
   * The tree of an estimate.
   *
   * @param trainer rows that the ranks take a second; null: not said
   */
  static Map<String, @Nullable Object> tree(Estimate estimate, @Nullable Double trainer) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("name", estimate.plan().name());
    tree.put("mix", estimate.plan() instanceof MixPlan plan ? mix(plan, estimate) : null);
    tree.put("sample", sample(estimate.sample()));
    tree.put("level", Interval.LEVEL);
    tree.put("rows", interval(estimate.rows()));
    tree.put("label", estimate.label());
    Interval positives = estimate.positives();
    tree.put("positives", positives == null ? null : interval(positives));
    tree.put("batch_bytes", interval(estimate.batchBytes()));
    tree.put("source_bytes", interval(estimate.sourceBytes()));
    tree.put("batch", estimate.plan().dataset().batch());
    tree.put("ranks", estimate.ranks());
    tree.put("steps", interval(estimate.steps()));
    Speed speed = estimate.speed();
    tree.put("speed", speed == null ? null : speed(speed));
    tree.put("trainer_rows_per_second", trainer);
    tree.put("workers_needed", workers(speed, trainer));
    return tree;
  }

  private static Map<String, Object> mix(MixPlan plan, Estimate estimate) {
    List<Map<String, Object>> datasets = new ArrayList<>();
    for (Mix.Part part : plan.mix().parts()) {
      Interval rows = estimate.mixed().get(datasets.size()).rows();
      datasets.add(
          Map.of("dataset", part.dataset(), "ratio", part.ratio(), "rows", interval(rows)));
    }
    return Map.of("on_dry", plan.mix().onDry().word(), "datasets", datasets);
  }

  private static @Nullable Long workers(@Nullable Speed speed, @Nullable Double trainer) {
    return speed == null || trainer == null || speed.rowsPerSecond() == 0
        ? null
        : Long.valueOf(speed.workersFor(trainer));
  }

  private static Map<String, @Nullable Object> sample(Estimate.Sample sample) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("row_groups", sample.rowGroups());
    tree.put("all_row_groups", sample.of());
    tree.put("rows", sample.rows());
    tree.put("all_rows", sample.ofRows());
    tree.put("leading", sample.leading());
    tree.put("row_groups_skipped", sample.skipped());
    return tree;
  }

  private static Map<String, @Nullable Object> interval(Interval interval) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("estimate", interval.estimate());
    tree.put("low", interval.low());
    tree.put("high", interval.high());
    return tree;
  }

  private static Map<String, @Nullable Object> speed(Speed speed) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("workers", speed.workers());
    tree.put("cores", speed.cores());
    tree.put("source_rows_per_second", speed.sourceRowsPerSecond());
    tree.put("rows_per_second", speed.rowsPerSecond());
    tree.put("rows_per_second_of_one_worker", speed.rowsPerSecondOfOne());
    return tree;
  }
}
