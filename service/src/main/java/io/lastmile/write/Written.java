package io.lastmile.write;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Experiment;
import io.lastmile.plan.CountedStep;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.query.Engine;
import io.lastmile.sequence.Position;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A folder that was written: what its manifest says.
 *
 * @param folder absolute
 * @param plan of the rows
 * @param origin where they come from
 * @param types of the columns as the engine describes them, by name, in order
 * @param leftOut columns that are not in the folder since not all datasets of the mix have them, by
 *     dataset
 * @param end the position behind the last row
 * @param skipped row groups that could not be read and were left out
 * @param files in the order of the rows
 */
public record Written(
    Path folder,
    FeedPlan plan,
    Origin origin,
    Map<String, String> types,
    Map<String, List<String>> leftOut,
    Position end,
    List<String> skipped,
    List<File> files) {
  /** The name of the manifest in the folder. */
  public static final String MANIFEST = "_lastmile.json";

  private static final long VERSION = 1;

  /**
   * Where rows come from.
   *
   * @param lastmile its version
   * @param experiment with the dataset
   * @param dataset as the user said it
   */
  public record Origin(String lastmile, Experiment experiment, Dataset dataset) {}

  /**
   * A file of the folder.
   *
   * @param name in it
   * @param rows of it
   * @param bytes of it
   */
  public record File(String name, long rows, long bytes) {}

  /**
   * A step and how many rows it added or dropped.
   *
   * @param step that it is
   * @param rows added or dropped
   */
  public record StepRows(CountedStep step, long rows) {}

  public Written {
    types = Collections.unmodifiableMap(new LinkedHashMap<>(types));
    leftOut = Collections.unmodifiableMap(new LinkedHashMap<>(leftOut));
    skipped = List.copyOf(skipped);
    files = List.copyOf(files);
  }

  /** Rows of all files. */
  public long rows() {
    return files.stream().mapToLong(File::rows).sum();
  }

  /** Bytes of all files. */
  public long bytes() {
    return files.stream().mapToLong(File::bytes).sum();
  }

  /** What the steps that copy rows added. */
  public List<StepRows> added() {
    return counted(plan.copySteps(), end.counts().added());
  }

  /** What the steps that drop rows dropped. */
  public List<StepRows> dropped() {
    return counted(plan.dropSteps(), end.counts().dropped());
  }

  private static List<StepRows> counted(List<CountedStep> steps, List<Long> rows) {
    List<StepRows> counted = new ArrayList<>();
    for (CountedStep step : steps) {
      counted.add(new StepRows(step, rows.get(counted.size())));
    }
    return counted;
  }

  /** The manifest as a tree of JSON. */
  public Map<String, Object> manifest() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("lastmile", origin.lastmile());
    tree.put("engine", Engine.version());
    tree.put("experiment", origin.experiment().name());
    tree.put("dataset", plan.name());
    tree.put("seed", origin.experiment().seed());
    tree.put("epoch", (long) end.epoch());
    tree.put("fingerprint", plan.fingerprint());
    tree.put("plan", CanonicalJson.dataset(origin.dataset()));
    if (plan instanceof MixPlan mix) {
      tree.put("mixed", mixed(mix));
    }
    tree.put("sources", plan.files());
    tree.put("columns", types.entrySet().stream().map(Written::column).toList());
    if (!leftOut.isEmpty()) {
      tree.put("columns_left_out", leftOut);
    }
    tree.put("counts", counts());
    tree.put("digest", HexFormat.of().toHexDigits(end.digest()));
    tree.put("row_groups_skipped", skipped);
    tree.put("files", files.stream().map(Written::file).toList());
    return tree;
  }

  private Map<String, Object> counts() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("read", end.counts().read());
    tree.put("added", added().stream().map(Written::step).toList());
    tree.put("dropped", dropped().stream().map(Written::step).toList());
    tree.put("written", end.rows());
    return tree;
  }

  /** The datasets that a mix mixes, as the user said them. */
  private Map<String, Object> mixed(MixPlan mix) {
    Map<String, Object> tree = new LinkedHashMap<>();
    for (String name : mix.mix().datasets()) {
      tree.put(name, CanonicalJson.dataset(origin.experiment().dataset(name)));
    }
    return tree;
  }

  private static Map<String, Object> column(Map.Entry<String, String> column) {
    return Map.of("name", column.getKey(), "type", column.getValue());
  }

  private static Map<String, Object> step(StepRows rows) {
    CountedStep step = rows.step();
    Map<String, Object> tree = new LinkedHashMap<>();
    if (step.dataset() != null) {
      tree.put("dataset", step.dataset());
    }
    tree.put("step", step.step());
    tree.put("kind", step.kind());
    tree.put("rows", rows.rows());
    return tree;
  }

  private static Map<String, Object> file(File file) {
    return Map.of("name", file.name(), "rows", file.rows(), "bytes", file.bytes());
  }
}
