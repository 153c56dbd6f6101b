package io.lastmile.cli;

import io.lastmile.Validation;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile validate}. */
@Command(
    name = "validate",
    description = {
      "Finds all mistakes of an experiment at once. Runs nothing.",
      "Exit code 0: it is valid; 2: it has mistakes."
    },
    footer = {
      "",
      "Examples:",
      "  lastmile validate experiment.yaml",
      "  lastmile validate experiment.yaml --json"
    })
final class ValidateCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Option(
      names = "--json",
      description = "Print {\"mistakes\": [{element, message, place}]} instead of lines.")
  private boolean json;

  ValidateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    List<LastmileException> mistakes = Validation.of(file);
    if (json) {
      console.print(
          Json.write(Map.of("mistakes", mistakes.stream().map(ValidateCommand::tree).toList())));
    } else if (mistakes.isEmpty()) {
      console.print(file + " is valid");
    } else {
      mistakes.forEach(mistake -> console.error(mistake.line()));
    }
    return mistakes.isEmpty() ? 0 : FailureKind.USER.exitCode();
  }

  private static Map<String, @Nullable String> tree(LastmileException mistake) {
    Map<String, @Nullable String> tree = new HashMap<>();
    tree.put("element", mistake.element());
    tree.put("message", mistake.text());
    tree.put("place", mistake.place());
    return tree;
  }
}
