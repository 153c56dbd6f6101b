package io.lastmile;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.dataset.Training;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import java.nio.file.Path;
import java.util.List;

/** Finds all mistakes in an experiment file that can be found before a rank starts. */
public final class Validation {
  private Validation() {}

  /**
   * The mistakes of kind USER in a file, each with its place, in the order of the file; none when
   * the experiment is valid. What merely follows from a mistake is not one. Reads footers and small
   * tables, and plans every dataset, but runs nothing.
   *
   * @throws LastmileException of another kind when something fails on the way
   */
  public static List<LastmileException> of(Path file) {
    Mistakes mistakes = Mistakes.all();
    Experiment experiment;
    try {
      experiment = ExperimentReader.read(file, mistakes);
    } catch (LastmileException unreadable) {
      if (unreadable.kind() != FailureKind.USER) {
        throw unreadable;
      }
      return List.of(unreadable);
    }
    Training training = experiment.training();
    if (training != null) {
      mistakes.attempt(() -> ScriptFile.check(experiment, training));
    }
    JobPlan.check(experiment, new TemporaryFolder(), mistakes);
    return experiment.origin().placed(mistakes.found());
  }
}
