package io.lastmile.cli;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command of the script {@code ./lastmile}, which starts it; here for its help. */
abstract class ScriptCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public final void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "Invalid command: %s without the script that does it, ./lastmile %s"
            .formatted(spec.name(), spec.name()));
  }
}
