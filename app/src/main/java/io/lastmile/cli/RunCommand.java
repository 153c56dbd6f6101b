package io.lastmile.cli;

import io.lastmile.Cancellation;
import io.lastmile.Lastmile;
import io.lastmile.LaunchOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile run}. */
@Command(
    name = "run",
    description = "Trains as an experiment says.",
    footer = {
      "",
      "Keeps a record in runs/<name>-<n>/. Exit code: 0 done, 2 a mistake found before the start, 3 bad data, 4 the script failed, 5 out of resources, 130 Ctrl-C, 143 SIGTERM.",
      "",
      "Examples:",
      "  lastmile run experiment.yaml",
      "  lastmile run experiment.yaml --estimate",
      "  lastmile run experiment.yaml --runs /data/runs --python venv/bin/python"
    })
final class RunCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      description = "Folder of the run records (default: runs).")
  private Path runs = Path.of("runs");

  @Mixin private PythonOption python = new PythonOption();

  @Option(
      names = "--estimate",
      description = "Estimate first, for the summary (see: lastmile estimate).")
  private boolean estimate;

  @Option(
      names = "--embedded",
      hidden = true,
      description = "Print the place of the record as JSON; end when standard input closes.")
  private boolean embedded;

  RunCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    CompletableFuture<Cancellation> cancelled = new CompletableFuture<>();
    Signals.tell(cancelled::complete);
    ExperimentFile read = ExperimentFile.read(file);
    if (estimate) {
      EstimateCommand.all(console, read);
    }
    LaunchOptions options = python.in(LaunchOptions.defaults().runs(runs), console);
    Following following = new Following(console, cancelled, embedded);
    return following.end(() -> read.placing(() -> Lastmile.launch(read.experiment(), options)));
  }
}
