package io.lastmile.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lastmile help}: the same as the option, in the words that many try first. */
@Command(
    name = "help",
    description = "Shows the help of a command.",
    footer = {"", "Examples:", "  lastmile help", "  lastmile help run"})
final class HelpCommand implements Runnable {
  private final Console console;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..1",
      paramLabel = "COMMAND",
      description = "The command (default: the list of all commands).")
  private @Nullable String command;

  HelpCommand(Console console) {
    this.console = console;
  }

  @Override
  public void run() {
    CommandLine all = spec.commandLine().getParent();
    CommandLine asked = command == null ? all : all.getSubcommands().get(command);
    if (asked == null) {
      throw new CommandLine.UnmatchedArgumentException(all, List.of(String.valueOf(command)));
    }
    console.print(asked.getUsageMessage().stripTrailing());
  }
}
