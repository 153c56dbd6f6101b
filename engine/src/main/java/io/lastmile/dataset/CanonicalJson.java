package io.lastmile.dataset;

import io.lastmile.dataset.Step.AntiJoin;
import io.lastmile.dataset.Step.Derive;
import io.lastmile.dataset.Step.Downsample;
import io.lastmile.dataset.Step.Drop;
import io.lastmile.dataset.Step.Filter;
import io.lastmile.dataset.Step.Select;
import io.lastmile.error.LastmileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The form in which an experiment travels: one JSON object with {@code "version":1}, without
 * spaces, keys sorted, defaults written out, and what is ordered (datasets, tensors, derived
 * columns, join keys) as arrays of {@code [name,value]}. Where the experiment was written is not
 * part of it. Equal experiments have equal text, in whichever way they were said. Safe for any
 * thread.
 */
public final class CanonicalJson {
  static final long VERSION = 1;

  private CanonicalJson() {}

  /** The canonical text of an experiment. */
  public static String write(Experiment experiment) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("version", VERSION);
    tree.put("name", experiment.name());
    tree.put("seed", experiment.seed());
    tree.put(
        "datasets",
        experiment.datasets().entrySet().stream()
            .map(entry -> List.of(entry.getKey(), dataset(entry.getValue())))
            .toList());
    Training training = experiment.training();
    tree.put("train", training == null ? null : training(training));
    tree.put("cluster", cluster(experiment.cluster()));
    return Json.write(tree);
  }

  /**
   * The experiment of a canonical text.
   *
   * @param folder where its relative paths start
   * @throws LastmileException of kind USER, its element named when it is known: not JSON, another
   *     version, or a mistake that {@link ExperimentReader} finds too
   */
  public static Experiment read(String json, Path folder) {
    return ExperimentForm.read(JsonTree.read(json), Origin.code(folder));
  }

  private static Map<String, ?> dataset(Dataset dataset) {
    Map<String, Object> tree = new HashMap<>();
    tree.put("source", source(dataset.source()));
    tree.put("steps", dataset.steps().stream().map(CanonicalJson::step).toList());
    tree.put(
        "tensors",
        dataset.tensors().stream().map(tensor -> List.of(tensor.name(), tensor(tensor))).toList());
    tree.put("batch", dataset.batch());
    tree.put("shuffle", shuffle(dataset.shuffle()));
    tree.put("keys", dataset.keys());
    tree.put("order", "deterministic");
    tree.put("prefetch", dataset.prefetch());
    tree.put("slots", dataset.slots());
    return tree;
  }

  private static Map<String, ?> source(Source source) {
    return switch (source) {
      case Source.Parquet table ->
          Map.of(
              table.kind(),
              table.paths(),
              "on_corrupt",
              table.onCorrupt().word(),
              "schema",
              table.schema().word());
      case Source.Csv _, Source.JsonLines _, Source.Arrow _ ->
          Map.of(source.kind(), source.paths());
    };
  }

  private static Map<String, ?> step(Step step) {
    Object said =
        switch (step) {
          case Filter filter -> filter.condition();
          case Derive derive ->
              derive.columns().stream()
                  .map(column -> List.of(column.name(), column.expression()))
                  .toList();
          case Select select -> select.columns();
          case Drop drop -> drop.columns();
          case AntiJoin join -> antiJoin(join);
          case Downsample downsample -> downsample(downsample);
        };
    return Map.of(step.kind(), said);
  }

  private static Map<String, ?> antiJoin(AntiJoin join) {
    List<List<String>> on =
        join.on().stream().map(key -> List.of(key.left(), key.right())).toList();
    return Map.of("parquet", join.table().paths(), "on", on);
  }

  private static Map<String, ?> downsample(Downsample step) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("where", step.where());
    tree.put("keep", step.keep());
    tree.put("by", step.by());
    tree.put("weight", step.weight());
    tree.put("salt", step.salt());
    tree.put("resample", step.resample().word());
    return tree;
  }

  private static Map<String, ?> tensor(Tensor tensor) {
    DType dtype = tensor.dtype();
    Tensor.Hash hash = tensor.hash();
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put(
        "columns",
        switch (tensor.columns()) {
          case Tensor.Columns.One one -> one.name();
          case Tensor.Columns.Many many -> many.patterns();
        });
    tree.put("dtype", dtype == null ? null : dtype.word());
    tree.put("fill", tensor.fill());
    tree.put("null", tensor.whenNull().word());
    tree.put("max_length", tensor.maxLength());
    tree.put("truncate", tensor.truncate().word());
    tree.put("pad", tensor.pad());
    tree.put("layout", tensor.layout().word());
    tree.put("vocabulary", tensor.vocabulary());
    tree.put("hash", hash == null ? null : Map.of("buckets", hash.buckets(), "seed", hash.seed()));
    return tree;
  }

  private static Object shuffle(Shuffle shuffle) {
    return switch (shuffle) {
      case Shuffle.None _ -> "none";
      case Shuffle.RowGroups groups -> {
        Map<String, @Nullable Object> tree = new HashMap<>();
        tree.put("row_groups", groups.count());
        tree.put("within", groups.within());
        yield tree;
      }
    };
  }

  private static Map<String, ?> training(Training training) {
    return Map.of(
        "script", training.script(),
        "args", training.args(),
        "ranks", training.ranks(),
        "restarts", 0);
  }

  private static Map<String, ?> cluster(Cluster cluster) {
    return Map.of(
        "kind",
        "local",
        "workers",
        Map.of("max", cluster.workers(), "memory", cluster.workerMemory()));
  }
}
