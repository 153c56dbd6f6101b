package io.lastmile.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The command {@code python} of the script {@code ./lastmile}, which starts it; here for its help.
 */
@Command(
    name = "python",
    description = "Starts a Python that has the client, torch, numpy and pyarrow.",
    footer = {
      "",
      "Prepares it where that was not done yet. All arguments are those of Python.",
      "",
      "Examples:",
      "  ./lastmile python",
      "  ./lastmile python script.py"
    })
final class PythonCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(arity = "0..*", paramLabel = "ARGS", description = "Arguments of Python.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private List<String> arguments = List.of();

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "Invalid command: python without the script that does it, ./lastmile python");
  }
}
