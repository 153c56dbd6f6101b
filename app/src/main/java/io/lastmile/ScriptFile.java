package io.lastmile;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Training;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import io.lastmile.source.Location;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds the training script. */
final class ScriptFile {
  private static final String ELEMENT = "train.script";

  private ScriptFile() {}

  /** A mistake when an experiment's script is not there. */
  static void check(Experiment experiment, Training training) {
    Path _ = of(experiment, training);
  }

  /** The script of an experiment, absolute. */
  static Path of(Experiment experiment, Training training) {
    Path folder = experiment.origin().folder();
    String mistake = Location.mistake(training.script(), folder);
    if (mistake != null) {
      throw LastmileException.user(ELEMENT, mistake);
    }
    Path script = folder.resolve(training.script()).normalize();
    if (Files.isRegularFile(script)) {
      return script;
    }
    if (Files.exists(script)) {
      throw LastmileException.user(ELEMENT, "Script is not a file: " + script);
    }
    Path name = script.getFileName();
    String hint = name == null ? "" : Nearest.hint(name.toString(), siblings(script));
    throw LastmileException.user(ELEMENT, "Script not found: " + script + hint);
  }

  private static List<String> siblings(Path script) {
    Path folder = script.getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> String.valueOf(file.getFileName()))
          .sorted()
          .toList();
    } catch (IOException _) {
      return List.of();
    }
  }
}
