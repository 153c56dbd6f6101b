package io.lastmile.cli;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code ./lastmile demo}. */
@Command(
    name = "demo",
    description = "Trains a click model on real click logs, those of the Open Bandit sample.",
    footer = {
      "",
      "Prepares Python and fetches the logs where that was not done yet. The options are those of run.",
      "",
      "Examples:",
      "  ./lastmile demo",
      "  ./lastmile demo --runs /data/runs"
    })
final class DemoCommand extends ScriptCommand {
  @Parameters(arity = "0..*", paramLabel = "ARGS", description = "Options of run.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private List<String> arguments = List.of();
}
