package io.lastmile.cli;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.error.LastmileException;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * An experiment that was read from a file.
 *
 * @param experiment as read
 */
record ExperimentFile(Experiment experiment) {
  static ExperimentFile read(Path file) {
    return new ExperimentFile(ExperimentReader.read(file));
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
