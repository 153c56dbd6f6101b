package io.lastmile;

import io.lastmile.dataset.Experiment;
import io.lastmile.error.LastmileException;
import java.nio.file.Path;

/** Launches experiments. */
public final class Lastmile {
  private Lastmile() {}

  /** As {@link #launch(Experiment, LaunchOptions)} with {@link LaunchOptions#defaults()}. */
  public static Run launch(Experiment experiment) {
    return launch(experiment, LaunchOptions.defaults());
  }

  /**
   * Checks and plans an experiment, starts its feeds and its ranks, and returns the run, which goes
   * on by itself, on threads of its own, until its script has ended. Installs no signal handlers
   * and never ends the process.
   *
   * @throws LastmileException USER for any mistake found before a rank runs; another kind when
   *     something failed on the way. Nothing is left running; a run record, if one was made
   *     already, has its summary
   */
  public static Run launch(Experiment experiment, LaunchOptions options) {
    return Launch.start(experiment, options, PlannedData::of);
  }

  /**
   * Goes on with a run that has not ended well, or whose driver was killed: the same experiment and
   * the same record, in which the script finds its checkpoints. Otherwise as {@link
   * #launch(Experiment, LaunchOptions)}.
   *
   * @param record folder of the run
   * @param options of which the folder of run records does not count
   * @throws LastmileException USER also when there is no such record, its driver still goes on, the
   *     run has ended well, or its data has changed
   */
  public static Run resume(Path record, LaunchOptions options) {
    return Launch.resume(record, options, PlannedData::of);
  }
}
