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
import io.lastmile.run.RecordedRun;
import io.lastmile.run.RunRecord;
import java.io.IOException;
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
      Feeder feeder = opened.add(data.open(folder, Map.of()));
      record = opened.add(RunRecord.create(options.runs(), experiment.name()));
      record.files(data.files());
      record.experiment(CanonicalJson.write(experiment), experiment.origin().folder());
      record.event("started", Map.of("run", record.id()));
      RunEvents events = new RunEvents(record, options.output(), feeder, data);
      return launch.start(started, 1, folder, feeder, data, events, record, opened);
    } catch (RuntimeException e) {
      opened.close(record);
      throw e;
    }
  }

  /** Goes on with a run whose driver has ended. */
  static Run resume(Path runFolder, LaunchOptions options, Function<Experiment, JobData> planner) {
    Instant started = Instant.now();
    Opened opened = new Opened();
    RunRecord record = null;
    try {
      PastRun _ = PastRun.of(runFolder); // before a folder that is no record gets a lock
      record = opened.add(reopened(runFolder));
      PastRun past = PastRun.of(runFolder); // as the driver left it that had the record until now
      Experiment experiment = CanonicalJson.read(past.kept().experiment(), past.kept().folder());
      Launch launch = checked(experiment, options);
      JobData data = opened.add(planner.apply(experiment));
      past.check(data);
      RuntimeFolder folder = opened.add(RuntimeFolder.open());
      Feeder feeder = opened.add(data.open(folder, past.history()));
      record.goesOn();
      record.event("resumed", Map.of("run", record.id(), "attempt", past.nextAttempt()));
      RunEvents events = new RunEvents(record, options.output(), feeder, data);
      events.know(feeder.progress());
      return launch.start(
          started, past.nextAttempt(), folder, feeder, data, events, record, opened);
    } catch (RuntimeException e) {
      opened.close(record);
      throw e;
    }
  }

  private static RunRecord reopened(Path runFolder) {
    try {
      return RunRecord.reopen(runFolder);
    } catch (IOException e) {
      throw RecordedRun.none(runFolder, e);
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
      Instant started,
      int attempt,
      RuntimeFolder folder,
      Feeder feeder,
      JobData data,
      RunEvents events,
      RunRecord record,
      Opened opened) {
    Map<String, StoredEstimate> estimates = data.estimates(record::log);
    MemoryPeak memory = opened.add(MemoryPeak.start());
    Conclusion conclusion =
        new Conclusion(experiment, training.ranks(), record, estimates, memory, started);
    try {
      record.event("feed_opened", Map.of("socket", folder.socket().toString()));
      EpochWatch _ = opened.add(EpochWatch.start(feeder, events));
      Attempts attempts =
          Attempts.start(
              new LocalLauncher(),
              number -> plan(number, record, folder),
              training,
              feeder,
              events,
              attempt);
      return Run.supervise(feeder, attempts, events, conclusion, opened);
    } catch (RuntimeException e) {
      conclusion.write(conclusion.exit(e), attempt - 1, List.of(), FeedProgress.none());
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
