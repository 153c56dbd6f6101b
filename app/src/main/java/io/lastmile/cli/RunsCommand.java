package io.lastmile.cli;

import io.lastmile.run.RecordedRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lastmile runs}. */
@Command(
    name = "runs",
    description = "Lists runs, the oldest first.",
    footer = {"", "Examples:", "  lastmile runs", "  lastmile runs --runs /data/runs"})
final class RunsCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      description = "Folder of the run records (default: runs).")
  private Path runs = Path.of("runs");

  RunsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    List<RecordedRun> found = RecordedRun.list(runs);
    if (found.isEmpty()) {
      console.print("No runs in " + runs);
      return 0;
    }
    int width = Math.max(3, found.stream().mapToInt(run -> run.id().length()).max().orElse(0));
    String row = "%-" + width + "s  %-20s  %10s  %-10s  %15s";
    console.print(row.formatted("RUN", "STARTED", "SECONDS", "END", "ROWS DELIVERED"));
    for (RecordedRun run : found) {
      Double seconds = run.seconds();
      Long rows = run.rowsDelivered();
      console.print(
          row.formatted(
              run.id(),
              run.started().truncatedTo(ChronoUnit.SECONDS),
              seconds == null ? "-" : String.format(Locale.ROOT, "%.1f", seconds),
              run.kind() == null ? "unfinished" : run.kind(),
              rows == null ? "-" : String.format(Locale.ROOT, "%,d", rows)));
    }
    return 0;
  }
}
