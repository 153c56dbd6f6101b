package io.lastmile.cli;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code ./lastmile python}. */
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
final class PythonCommand extends ScriptCommand {
  @Parameters(arity = "0..*", paramLabel = "ARGS", description = "Arguments of Python.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private List<String> arguments = List.of();
}
