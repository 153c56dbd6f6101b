package io.lastmile.dataset;

import io.lastmile.dataset.Step.AntiJoin;
import io.lastmile.dataset.Step.Cast;
import io.lastmile.dataset.Step.Derive;
import io.lastmile.dataset.Step.Drop;
import io.lastmile.dataset.Step.Explode;
import io.lastmile.dataset.Step.Filter;
import io.lastmile.dataset.Step.Label;
import io.lastmile.dataset.Step.Limit;
import io.lastmile.dataset.Step.Rename;
import io.lastmile.dataset.Step.Sample;
import io.lastmile.dataset.Step.Select;
import io.lastmile.dataset.Step.SemiJoin;
import io.lastmile.dataset.Step.Split;
import io.lastmile.dataset.Step.Truncate;
import io.lastmile.dataset.Step.Upsample;
import io.lastmile.dataset.Step.Weight;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The form in which an experiment travels: one JSON object with {@code "version":1}, without
 * spaces, keys sorted, defaults written out, and what is ordered (datasets, tensors, derived
 * columns, join keys …) as arrays of {@code [name,value]}. Where the experiment was written is not
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

  /** The canonical text of a dataset, as it is in that of its experiment. */
  public static String write(Dataset dataset) {
    return Json.write(dataset(dataset));
  }

  /**
   * The experiment of a canonical text.
   *
   * @param folder where its relative paths start
   * @throws LastmileException of kind USER, its element named when it is known: not JSON, another
   *     version, or a mistake that {@link ExperimentReader} finds too
   */
  public static Experiment read(String json, Path folder) {
    return read(json, folder, Mistakes.first());
  }

  /**
   * As {@link #read(String, Path)}; what becomes of mistakes is as {@link ExperimentReader} says.
   */
  static Experiment read(String json, Path folder, Mistakes mistakes) {
    return ExperimentForm.read(JsonTree.read(json, mistakes), Origin.code(folder));
  }

  /** A dataset as the tree of its part of the text. */
  public static Map<String, ?> dataset(Dataset dataset) {
    Map<String, Object> tree = new HashMap<>();
    switch (dataset.source()) {
      case Source.Files files -> {
        tree.put("source", source(files));
        tree.put("shuffle", shuffle(dataset.shuffle()));
      }
      case Mix mix -> {
        tree.put("mix", mix.parts().stream().map(CanonicalJson::part).toList());
        tree.put("on_dry", mix.onDry().word());
      }
      case Source.Unread _ -> throw new IllegalStateException("a source with a mistake");
    }
    tree.put("steps", dataset.steps().stream().map(CanonicalJson::step).toList());
    tree.put(
        "tensors",
        dataset.tensors().stream().map(tensor -> List.of(tensor.name(), tensor(tensor))).toList());
    tree.put("batch", dataset.batch());
    tree.put("keys", dataset.keys());
    tree.put("order", dataset.order().word());
    tree.put("prefetch", dataset.prefetch());
    tree.put("slots", dataset.slots());
    tree.put("on_empty", dataset.onEmpty().word());
    tree.put("last_step", dataset.lastStep().word());
    tree.put("certificate", dataset.certificate().word());
    return tree;
  }

  private static Map<String, ?> part(Mix.Part part) {
    return Map.of("dataset", part.dataset(), "ratio", part.ratio());
  }

  private static Map<String, ?> source(Source.Files source) {
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
              pairs(derive.columns(), Derive.Column::name, Derive.Column::expression);
          case Select select -> select.columns();
          case Drop drop -> drop.columns();
          case Rename rename -> pairs(rename.names(), Rename.Name::from, Rename.Name::to);
          case Cast cast -> pairs(cast.types(), Cast.Type::columns, Cast.Type::type);
          case Join join -> join(join);
          case SemiJoin join -> membership(join.table(), join.on());
          case AntiJoin join -> membership(join.table(), join.on());
          case Downsample downsample -> downsample(downsample);
          case Sample sample -> sample(sample);
          case Upsample upsample -> upsample(upsample);
          case Weight weight ->
              pairs(weight.factors(), Derive.Column::name, Derive.Column::expression);
          case Label label -> pairs(label.columns(), Label.Rule::name, CanonicalJson::classes);
          case Explode explode -> explode(explode);
          case Truncate truncate ->
              Map.of("columns", truncate.columns(), truncate.keep().word(), truncate.length());
          case Split split -> split(split);
          case Limit limit -> limit.rows();
          case Step.Unread _ -> throw new IllegalStateException("a step with a mistake");
        };
    return Map.of(step.kind(), said);
  }

  private static <E> List<List<Object>> pairs(
      List<E> things, Function<E, String> name, Function<E, Object> value) {
    return things.stream().map(thing -> List.of(name.apply(thing), value.apply(thing))).toList();
  }

  private static Map<String, ?> join(Join join) {
    Map<String, @Nullable Object> tree = membership(join.table(), join.on());
    tree.put("select", join.select());
    tree.put("prefix", join.prefix());
    tree.put("how", join.how().word());
    tree.put("match", join.match().word());
    return tree;
  }

  private static Map<String, @Nullable Object> membership(SmallTable table, List<JoinKey> on) {
    Map<String, @Nullable Object> tree =
        switch (table.rows()) {
          case SmallTable.Stored stored -> new HashMap<>(source(stored.source()));
          case SmallTable.Inline inline -> new HashMap<>();
        };
    if (table.rows() instanceof SmallTable.Inline(List<SmallTable.Column> columns)) {
      tree.put("values", pairs(columns, SmallTable.Column::name, SmallTable.Column::values));
    }
    tree.put("filter", table.filter());
    tree.put("on", pairs(on, JoinKey::left, JoinKey::right));
    return tree;
  }

  private static Map<String, ?> sample(Sample step) {
    return Map.of(
        "keep", step.keep(),
        "by", step.by(),
        "salt", step.salt(),
        "resample", step.resample().word());
  }

  private static Map<String, ?> upsample(Upsample step) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("where", step.where());
    tree.put("repeat", step.repeat());
    tree.put("copy", step.copy());
    return tree;
  }

  private static Map<String, ?> classes(Label.Rule label) {
    return Map.of(
        "classes",
        pairs(label.classes(), Label.Case::condition, Label.Case::label),
        "else",
        label.otherwise());
  }

  private static Map<String, ?> explode(Explode step) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("columns", step.columns());
    tree.put("position", step.position());
    return tree;
  }

  private static Map<String, ?> split(Split step) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("by", step.by());
    tree.put("parts", pairs(step.parts(), Split.Part::name, Split.Part::share));
    tree.put("part", step.part());
    tree.put("salt", step.salt());
    return tree;
  }

  private static Map<String, ?> downsample(Downsample step) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("where", step.where());
    tree.put(
        "keep",
        switch (step.keep()) {
          case Keep.Share share -> share.share();
          case Keep.PerRow perRow -> perRow.expression();
        });
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
    Duration stall = training.stallTimeout();
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("script", training.script());
    tree.put("args", training.args());
    tree.put("ranks", training.ranks());
    tree.put("restarts", training.restarts());
    tree.put("stall_timeout", stall == null ? null : TimeSpan.seconds(stall));
    return tree;
  }

  private static Map<String, ?> cluster(Cluster cluster) {
    return Map.of(
        "kind",
        "local",
        "workers",
        Map.of(
            "max",
            cluster.workers(),
            "memory",
            cluster.workerMemory(),
            "split_timeout",
            TimeSpan.seconds(cluster.splitTimeout())));
  }
}
