package io.lastmile.cli;

import io.lastmile.Cancellation;
import io.lastmile.Lastmile;
import io.lastmile.LaunchOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code lastmile resume}. */
@Command(
    name = "resume",
    description = {
      "Goes on with a run that failed, was cancelled, or whose driver was killed.",
      "The experiment is the one that its record has kept. The ranks start again in the same record, where the script finds its checkpoints (LASTMILE_RUN), and go on from the newest."
    },
    footer = {
      "",
      "A run that still goes on or has ended well, and one whose data has changed since, is refused. Exit code: as of run.",
      "",
      "Examples:",
      "  lastmile resume runs/first-1",
      "  lastmile resume /data/runs/first-1 --python venv/bin/python"
    })
final class ResumeCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "RUN", description = "The record of a run, such as runs/first-1.")
  private Path run = Path.of("");

  @Mixin private PythonOption python = new PythonOption();

  ResumeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    CompletableFuture<Cancellation> cancelled = new CompletableFuture<>();
    Signals.tell(cancelled::complete);
    LaunchOptions options = python.in(LaunchOptions.defaults(), console);
    return new Following(console, cancelled, false).end(() -> Lastmile.resume(run, options));
  }
}
