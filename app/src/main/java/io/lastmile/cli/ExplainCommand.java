package io.lastmile.cli;

import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile explain}. */
@Command(
    name = "explain",
    description = "Shows what an experiment reads and how, and finds its mistakes. Runs nothing.",
    footer = {
      "",
      "Examples:",
      "  lastmile explain experiment.yaml",
      "  lastmile explain experiment.yaml --dataset train"
    })
final class ExplainCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "Only this one (default: all of them).")
  private @Nullable String dataset;

  ExplainCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    ExperimentFile read = ExperimentFile.read(file);
    return read.placing(() -> {
      try (JobPlan plan = JobPlan.of(read.experiment(), new TemporaryFolder())) {
        explain(read, plan);
        return 0;
      }
    });
  }

  private void explain(ExperimentFile read, JobPlan plan) {
    if (dataset != null) {
      console.print(plan.feed(dataset).explain().stripTrailing());
      return;
    }
    for (String name : read.experiment().datasets().keySet()) {
      FeedPlan each = plan.feeds().get(name);
      if (each != null) {
        console.print(each.explain().stripTrailing());
      }
    }
  }
}
