package io.lastmile;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Training;
import io.lastmile.error.LastmileException;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.Feeder;
import io.lastmile.feed.RuntimeFolder;
import io.lastmile.launch.RankPlan;
import io.lastmile.launch.local.Interpreter;
import io.lastmile.launch.local.LocalLauncher;
import io.lastmile.run.MemoryPeak;
import io.lastmile.run.RunRecord;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The way from an experiment to a run: check, plan, record, feeds, ranks.
 *
 * @param experiment to run
 * @param training its script
 * @param script the same, found
 * @param python that runs it
 * @param variables of every rank
 */
record Launch(
    Experiment experiment,
    Training training,
    Path script,
    Interpreter python,
    Map<String, String> variables) {
  static Run start(
      Experiment experiment, LaunchOptions options, Function<Experiment, JobData> planner) {
    Instant started = Instant.now();
    Launch launch = checked(experiment, options);
    Opened opened = new Opened();
    RunRecord record = null;
    try {
      JobData data = opened.add(planner.apply(experiment));
      RuntimeFolder folder = opened.add(RuntimeFolder.open());
      Feeder feeder = opened.add(data.open(folder));
      record = RunRecord.create(options.runs(), experiment.name());
      record.files(data.files());
      Map<String, StoredEstimate> estimates = data.estimates(record::log);
      MemoryPeak memory = opened.add(MemoryPeak.start());
      Conclusion conclusion =
          new Conclusion(experiment, launch.training.ranks(), record, estimates, memory, started);
      return launch.start(conclusion, folder, feeder, data, options.output(), opened);
    } catch (RuntimeException e) {
      opened.close(record);
      throw e;
    }
  }

  private static Launch checked(Experiment experiment, LaunchOptions options) {
    Training training = experiment.training();
    if (training == null) {
      throw LastmileException.user(
          "train", "Nothing to run: the experiment has no \"train\" section (it names the script)");
    }
    Path script = ScriptFile.of(experiment, training);
    Map<String, String> driver = System.getenv();
    Map<String, String> variables = Installation.find(options.home(), driver).variables(driver);
    Interpreter python = Interpreter.choose(options.python(), driver);
    python.check(script, variables);
    return new Launch(experiment, training, script, python, variables);
  }

  private Run start(
      Conclusion conclusion,
      RuntimeFolder folder,
      Feeder feeder,
      JobData data,
      RankOutput output,
      Opened opened) {
    RunRecord record = conclusion.record();
    try {
      record.event("started", Map.of("run", record.id()));
      record.experiment(CanonicalJson.write(experiment), experiment.origin().folder());
      RunEvents events = new RunEvents(record, output, feeder, data);
      record.event("feed_opened", Map.of("socket", folder.socket().toString()));
      Attempts attempts =
          Attempts.start(
              new LocalLauncher(),
              attempt -> plan(attempt, record, folder),
              training,
              feeder,
              events,
              1);
      opened.add(EpochWatch.start(feeder, events));
      return Run.supervise(feeder, attempts, events, conclusion, opened);
    } catch (RuntimeException e) {
      conclusion.write(conclusion.exit(e), 0, List.of(), FeedProgress.none());
      throw e;
    }
  }

  private RankPlan plan(int attempt, RunRecord record, RuntimeFolder folder) {
    Map<String, String> environment = new HashMap<>(variables);
    environment.put("LASTMILE_FEED", folder.socket().toString());
    environment.put("LASTMILE_RUN", record.folder().toString());
    return new RankPlan(
        attempt,
        training.ranks(),
        python.command(script, training.args()),
        experiment.origin().folder(),
        environment,
        record.logs());
  }
}
