package io.lastmile.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** What all commands share. */
@Command(
    name = "lastmile",
    description = "Turns Parquet tables into training batches while the model trains.",
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = VersionCommand.Provider.class,
    footer = {
      "",
      "Examples:",
      "  lastmile run experiment.yaml       train as the experiment says",
      "  lastmile explain experiment.yaml   show what would be read and how",
      "  lastmile validate experiment.yaml  find all of its mistakes",
      "  lastmile preview experiment.yaml   show what each step does to a sample",
      "  lastmile estimate experiment.yaml  rows, steps, bytes and speed of an epoch",
      "  lastmile diff a.yaml b.yaml        show how two variations of a dataset differ",
      "  lastmile write experiment.yaml train --to DIR",
      "                                     write a dataset, its steps done, as Parquet",
      "  lastmile runs                      list the runs of this folder",
      "  lastmile resume runs/first-1       go on with a run that failed or was killed",
      "  lastmile verify runs/first-1       compute the certificates of a run again",
      "  lastmile trace runs/first-1 --step 7",
      "                                     list the rows of a step, or say what became of a row",
      "  lastmile demo                      train a click model on real click logs",
      "  lastmile python script.py          Python that can import the client",
      "  lastmile help run                  what a command takes and does"
    })
final class RootCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show where an error comes from.")
  private boolean verbose;

  @Option(
      names = {"-h", "--help"},
      scope = ScopeType.INHERIT,
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private boolean help;

  @Option(names = "--version", versionHelp = true, description = "Show the version.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private boolean version;

  boolean verbose() {
    return verbose;
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "No command given");
  }
}
