package io.lastmile.cli;

import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import io.lastmile.preview.Preview;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile preview}. */
@Command(
    name = "preview",
    description = "Runs the steps over a sample: the first rows, and what each step does to them.",
    footer = {
      "",
      "Examples:",
      "  lastmile preview experiment.yaml",
      "  lastmile preview experiment.yaml train --label label --rows 3",
      "  lastmile preview experiment.yaml train --sql",
      "  lastmile preview experiment.yaml --json"
    })
final class PreviewCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      index = "0",
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "DATASET",
      description = "Only this one, of a mix what it mixes (default: all of them).")
  private @Nullable String dataset;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Rows shown at most (default: ${DEFAULT-VALUE}).")
  private int rows = 10;

  @Option(
      names = "--sample",
      paramLabel = "ROWS",
      description =
          "Rows read at most, in whole row groups, one at least (default: ${DEFAULT-VALUE}).")
  private long sample = 100_000;

  @Option(
      names = "--label",
      paramLabel = "COLUMN",
      description =
          "Column whose positive share is shown (default: label, or the first that a label step makes).")
  private @Nullable String label;

  @ArgGroup private Form form = new Form();

  PreviewCommand(Console console) {
    this.console = console;
  }

  /** What is printed instead of tables; one at most. */
  static final class Form {
    @Option(names = "--sql", description = "Print the query of the first split, run nothing.")
    private boolean sql;

    @Option(names = "--json", description = "Print all of it as JSON, one line.")
    private boolean json;
  }

  @Override
  public Integer call() {
    check("--rows", rows, 0);
    check("--sample", sample, 1);
    ExperimentFile read = ExperimentFile.read(file);
    List<String> names = read.placing(() -> names(read));
    return read.placing(() -> {
      try (JobPlan plan = JobPlan.of(read.experiment(), new TemporaryFolder())) {
        print(plan, names);
        return 0;
      }
    });
  }

  private static void check(String option, long value, long least) {
    if (value < least) {
      throw LastmileException.of(
          FailureKind.USER, "Invalid %s: %d (must be >= %d)".formatted(option, value, least));
    }
  }

  /** The dataset that is asked for, or all; for a mix those that it mixes. */
  private List<String> names(ExperimentFile read) {
    return dataset == null ? read.tables() : read.tables(dataset);
  }

  private void print(JobPlan plan, List<String> names) {
    List<Map<String, @Nullable Object>> trees = new ArrayList<>();
    String between = "";
    for (String name : names) {
      if (form.sql) {
        console.print(Preview.sql(plan.dataset(name)));
        continue;
      }
      Preview preview = Preview.of(plan, name, label, rows, sample);
      if (form.json) {
        trees.add(PreviewJson.tree(preview));
      } else {
        console.print(between + new PreviewText(preview).text());
        between = "\n";
      }
    }
    if (form.json) {
      console.print(Json.write(Map.of("version", 1, "datasets", trees)));
    }
  }
}
