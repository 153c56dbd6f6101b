package io.lastmile.cli;

import io.lastmile.dataset.Json;
import io.lastmile.diff.DatasetDiff;
import io.lastmile.diff.MixDiff;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile diff}. */
@Command(
    name = "diff",
    description = {
      "Compares two variations of a dataset in effect.",
      "Tells the rows in both and in only one, label rates, sums of weights, and how many rows in both have other values."
    },
    footer = {
      "",
      "Rows are the same when they are the same row of the same file, and the same copy of it. Exit code: 0 nothing differs; 2 something does, or a mistake; 3 bad data; 5 out of resources.",
      "",
      "Examples:",
      "  lastmile diff a.yaml b.yaml",
      "  lastmile diff a.yaml b.yaml --dataset train --full",
      "  lastmile diff a.yaml b.yaml train --json"
    })
final class DiffCommand implements Callable<Integer> {
  private static final int DIFFERENT = 2;

  private final Console console;

  @Parameters(index = "0", paramLabel = "A", description = "An experiment, as for run.")
  private Path fileA = Path.of("");

  @Parameters(index = "1", paramLabel = "B", description = "The experiment to compare it with.")
  private Path fileB = Path.of("");

  @Parameters(
      index = "2..*",
      arity = "0..2",
      paramLabel = "DATASET",
      description =
          "The dataset of A, and that of B if it has another name (default: all that both have).")
  private List<String> names = List.of();

  @Option(names = "--dataset", paramLabel = "NAME", description = "The dataset of both.")
  private @Nullable String dataset;

  @ArgGroup private Extent extent = new Extent();

  @Option(
      names = "--label",
      paramLabel = "COLUMN",
      description =
          "Column whose positive share is shown (default: label, or the first that a label step makes).")
  private @Nullable String label;

  @Option(names = "--json", description = "Print all of it as JSON, one line.")
  private boolean json;

  DiffCommand(Console console) {
    this.console = console;
  }

  /** How much is compared; one at most. */
  static final class Extent {
    @Option(
        names = "--sample",
        paramLabel = "ROWS",
        description =
            "Rows of the source compared at most, in whole row groups, one at least (default: ${DEFAULT-VALUE}).")
    private long sample = 100_000;

    @Option(names = "--full", description = "Compare all rows.")
    private boolean full;

    long rows() {
      return full ? Long.MAX_VALUE : sample;
    }
  }

  /** A dataset of each experiment. */
  private record Pair(String a, String b) {}

  @Override
  public Integer call() {
    if (extent.sample < 1) {
      throw mistake("Invalid --sample: %d (must be >= 1)".formatted(extent.sample));
    }
    if (names.size() > 2 || (dataset != null && !names.isEmpty())) {
      throw mistake(
          "Invalid datasets: %s (name one for each experiment, or --dataset)"
              .formatted(String.join(" ", names)));
    }
    ExperimentFile a = ExperimentFile.read(fileA);
    ExperimentFile b = ExperimentFile.read(fileB);
    List<Pair> named = pairs(a, b);
    List<Pair> mixes = named.stream().filter(pair -> mixed(pair, a, b)).toList();
    List<Pair> tables = named.stream().flatMap(pair -> tables(pair, a, b)).distinct().toList();
    return a.placing(() -> {
      try (JobPlan planA = JobPlan.of(a.experiment(), new TemporaryFolder())) {
        return b.placing(() -> {
          try (JobPlan planB = JobPlan.of(b.experiment(), new TemporaryFolder())) {
            tables.forEach(pair -> planA.dataset(pair.a()));
            tables.forEach(pair -> planB.dataset(pair.b()));
            return print(planA, planB, mixes, tables) ? 0 : DIFFERENT;
          }
        });
      }
    });
  }

  private static LastmileException mistake(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }

  private List<Pair> pairs(ExperimentFile a, ExperimentFile b) {
    if (dataset != null) {
      return List.of(new Pair(dataset, dataset));
    }
    if (!names.isEmpty()) {
      return List.of(new Pair(names.getFirst(), names.getLast()));
    }
    List<String> ofA = List.copyOf(a.experiment().datasets().keySet());
    List<String> ofB = List.copyOf(b.experiment().datasets().keySet());
    List<Pair> common =
        ofA.stream().filter(ofB::contains).map(name -> new Pair(name, name)).toList();
    if (!common.isEmpty()) {
      return common;
    }
    if (ofA.size() == 1 && ofB.size() == 1) {
      return List.of(new Pair(ofA.getFirst(), ofB.getFirst()));
    }
    throw mistake(
        "The experiments have no dataset of the same name: %s has %s, %s has %s (name one for each)"
            .formatted(fileA, String.join(", ", ofA), fileB, String.join(", ", ofB)));
  }

  /** Whether both are mixes; one that is compared with a table is a mistake. */
  private boolean mixed(Pair pair, ExperimentFile a, ExperimentFile b) {
    boolean mixA = a.placing(() -> a.isMix(pair.a()));
    boolean mixB = b.placing(() -> b.isMix(pair.b()));
    if (mixA != mixB) {
      ExperimentFile of = mixA ? a : b;
      String mix = mixA ? pair.a() : pair.b();
      throw mistake(
          "Dataset \"%s\" of %s is a mix, \"%s\" of %s is none (compare it with one of: %s)"
              .formatted(
                  mix,
                  mixA ? fileA : fileB,
                  mixA ? pair.b() : pair.a(),
                  mixA ? fileB : fileA,
                  String.join(", ", of.tables(mix))));
    }
    return mixA;
  }

  /** Of two mixes the datasets that both mix. */
  private static Stream<Pair> tables(Pair pair, ExperimentFile a, ExperimentFile b) {
    if (!a.isMix(pair.a())) {
      return Stream.of(pair);
    }
    List<String> ofB = b.tables(pair.b());
    return a.tables(pair.a()).stream().filter(ofB::contains).map(name -> new Pair(name, name));
  }

  /** Prints what differs; whether nothing does. */
  private boolean print(JobPlan a, JobPlan b, List<Pair> mixes, List<Pair> tables) {
    boolean same = true;
    List<Map<String, @Nullable Object>> mixTrees = new ArrayList<>();
    List<Map<String, @Nullable Object>> trees = new ArrayList<>();
    String between = "";
    for (Pair pair : mixes) {
      MixDiff diff = MixDiff.of(a, pair.a(), b, pair.b());
      same &= diff.same();
      if (json) {
        mixTrees.add(DiffJson.tree(diff));
      } else {
        console.print(between + new MixDiffText(diff, fileA, fileB).text());
        between = "\n";
      }
    }
    for (Pair pair : tables) {
      DatasetDiff diff = DatasetDiff.of(a, pair.a(), b, pair.b(), label, extent.rows());
      same &= diff.same();
      if (json) {
        trees.add(DiffJson.tree(diff));
      } else {
        console.print(between + new DiffText(diff, fileA, fileB).text());
        between = "\n";
      }
    }
    if (json) {
      console.print(Json.write(Map.of("version", 1, "mixes", mixTrees, "datasets", trees)));
    }
    return same;
  }
}
