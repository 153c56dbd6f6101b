package io.lastmile.cli;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code ./lastmile soak}. */
@Command(
    name = "soak",
    description = {
      "Disturbs runs at random, and holds each against the one that was not disturbed.",
      "Ranks are killed and frozen, drivers killed, splits fail and are slow; it goes on with lastmile resume, or with other ranks, batch and workers. The rows of the surviving history, their values and counts must be the same."
    },
    footer = {
      "",
      "The seed is printed; a round that is wrong is run again by its seed. The arguments are told by --help.",
      "Exit code: 0 every round was as undisturbed; 1 one was not.",
      "",
      "Examples:",
      "  ./lastmile soak --minutes 30",
      "  ./lastmile soak --rounds 1 --seed 1234"
    })
final class SoakCommand extends ScriptCommand {
  @Parameters(arity = "0..*", paramLabel = "ARGS", description = "Arguments of the soak.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private List<String> arguments = List.of();
}
