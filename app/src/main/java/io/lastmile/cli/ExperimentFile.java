package io.lastmile.cli;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.dataset.Json;
import io.lastmile.dataset.Mix;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * An experiment that was read from a file, or from the program that embeds us.
 *
 * @param experiment as read
 */
record ExperimentFile(Experiment experiment) {
  private static final Path STANDARD_INPUT = Path.of("-");

  /** The experiment in a file; that of {@code -} is told through standard input. */
  static ExperimentFile read(Path file) {
    return new ExperimentFile(
        file.equals(STANDARD_INPUT) ? told(System.in) : ExperimentReader.read(file));
  }

  /** Two lines: the experiment's folder as a JSON string, and its canonical JSON. */
  static Experiment told(InputStream in) {
    String folder;
    String json;
    try {
      folder = String.valueOf(Json.parse(StandardInput.line(in)));
      json = StandardInput.line(in);
    } catch (IOException | IllegalArgumentException e) {
      throw LastmileException.of(
          FailureKind.USER,
          "Cannot read the experiment from standard input (" + e.getMessage() + ")",
          e);
    }
    return CanonicalJson.read(json, Path.of(folder));
  }

  /** The names of the datasets. */
  List<String> names() {
    return List.copyOf(experiment.datasets().keySet());
  }

  /** The names of the datasets that are no mixes of others. */
  List<String> tables() {
    return experiment.datasets().entrySet().stream()
        .filter(written -> !(written.getValue().source() instanceof Mix))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The names of the datasets that a mix mixes; of a table its own. */
  List<String> tables(String name) {
    return experiment.dataset(name).source() instanceof Mix mix ? mix.datasets() : List.of(name);
  }

  /** Whether there is a dataset of this name that mixes others. */
  boolean isMix(String name) {
    return experiment.dataset(name).source() instanceof Mix;
  }

  /** Does something with the experiment; a failure gets the file and line of its element. */
  <T> T placing(Supplier<T> action) {
    try {
      return action.get();
    } catch (LastmileException e) {
      String element = e.element();
      if (e.place() == null && element != null) {
        throw e.placed(experiment.origin().place(element));
      }
      throw e;
    }
  }
}
