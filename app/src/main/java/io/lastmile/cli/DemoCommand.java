package io.lastmile.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The command {@code demo} of the script {@code ./lastmile}, which starts it; here for its help.
 */
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
final class DemoCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(arity = "0..*", paramLabel = "ARGS", description = "Options of run.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private List<String> arguments = List.of();

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "Invalid command: demo without the script that does it, ./lastmile demo");
  }
}
