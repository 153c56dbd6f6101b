package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes experiment files for tests, and reads them back or says what the user would see. */
record ExperimentFiles(Path folder) {
  /** A smallest experiment, five lines. */
  static final String SMALLEST =
      """
      name: ctr
      datasets:
        train:
          source: { parquet: a.parquet }
          tensors: { label: { columns: label } }
      """;

  Path write(String yaml) {
    try {
      return Files.writeString(folder.resolve("experiment.yaml"), yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Experiment read(String yaml) {
    return ExperimentReader.read(write(yaml));
  }

  /** The line that the user sees, the folder left out. */
  String mistake(String yaml) {
    Path file = write(yaml);
    LastmileException mistake =
        catchThrowableOfType(LastmileException.class, () -> ExperimentReader.read(file));
    if (mistake.kind() != FailureKind.USER) {
      throw new AssertionError("Not a mistake of the user's: " + mistake);
    }
    return mistake.line().replace(folder + "/", "");
  }

  /** The smallest experiment with more about its dataset, from line 6. */
  static String dataset(String more) {
    return SMALLEST + more.strip().indent(4);
  }

  /** The smallest experiment with more sections, from line 6. */
  static String more(String sections) {
    return SMALLEST + sections;
  }
}
