package io.lastmile.cli;

import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.estimate.Estimate;
import io.lastmile.estimate.Estimates;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile estimate}. */
@Command(
    name = "estimate",
    description = {
      "Estimates how much each dataset gives in an epoch, and how fast.",
      "Draws row groups, runs the real steps over them, and gives intervals of 95 %%; of a mix from what its datasets give. The summary of later runs of the same data shows the estimate beside what came."
    },
    footer = {
      "",
      "Examples:",
      "  lastmile estimate experiment.yaml",
      "  lastmile estimate experiment.yaml --dataset train --sample 2000000",
      "  lastmile estimate experiment.yaml --trainer-rows-per-second 400000",
      "  lastmile estimate experiment.yaml --json"
    })
final class EstimateCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one (default: all).")
  private @Nullable String dataset;

  @Option(
      names = "--sample",
      paramLabel = "ROWS",
      description =
          "About how many rows are read, in whole row groups, two at least (default: ${DEFAULT-VALUE}).")
  private long sample = 250_000;

  @Option(
      names = "--trainer-rows-per-second",
      paramLabel = "N",
      description = "Rows that all ranks together take: how many workers feed them?")
  private @Nullable Double trainer;

  @Option(
      names = "--label",
      paramLabel = "COLUMN",
      description =
          "Column whose positive values are counted (default: label, or the first that a label step makes).")
  private @Nullable String label;

  @Option(names = "--json", description = "Print all of it as JSON, one line.")
  private boolean json;

  EstimateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (sample < 1) {
      throw invalid("--sample", Long.toString(sample), ">= 1");
    }
    if (trainer != null && !(trainer > 0 && Double.isFinite(trainer))) {
      throw invalid("--trainer-rows-per-second", trainer.toString(), "> 0");
    }
    print(ExperimentFile.read(file));
    return 0;
  }

  /** Estimates all datasets of an experiment and shows it, as without any option. */
  static void all(Console console, ExperimentFile read) {
    new EstimateCommand(console).print(read);
  }

  private void print(ExperimentFile read) {
    int _ =
        read.placing(() -> {
          try (JobPlan plan = JobPlan.of(read.experiment(), new TemporaryFolder())) {
            print(plan, dataset == null ? read.names() : List.of(dataset));
            return 0;
          }
        });
  }

  private static LastmileException invalid(String option, String value, String must) {
    return LastmileException.of(
        FailureKind.USER, "Invalid %s: %s (must be %s)".formatted(option, value, must));
  }

  private void print(JobPlan plan, List<String> names) {
    List<Map<String, @Nullable Object>> trees = new ArrayList<>();
    String between = "";
    Estimates estimates = new Estimates(plan, label, sample);
    for (String name : names) {
      Estimate estimate = estimates.of(name);
      if (json) {
        trees.add(EstimateJson.tree(estimate, trainer));
      } else {
        console.print(between + new EstimateText(estimate, trainer).text());
        between = "\n";
      }
      keep(estimate);
    }
    if (json) {
      console.print(Json.write(Map.of("version", 1, "datasets", trees)));
    }
  }

  private void keep(Estimate estimate) {
    try {
      StoredEstimate.keep(estimate);
    } catch (IOException e) {
      console.error(
          "warning: the estimate is not kept for the summary of a run (%s; XDG_CACHE_HOME names another place)"
              .formatted(e.getMessage()));
    }
  }
}
