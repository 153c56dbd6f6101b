package io.lastmile.plan;

import io.lastmile.dataset.Cluster;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Experiment;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import io.lastmile.source.Scratch;
import java.util.LinkedHashMap;
import java.util.Map;

/** How the datasets of an experiment are run, and the engine that runs them. */
public final class JobPlan implements AutoCloseable {
  private final Experiment experiment;
  private final Engine engine;
  private final Scratch scratch;
  private final Budget budget;
  private final Map<String, FeedPlan> feeds;
  private final long startedNanos;

  private JobPlan(
      Experiment experiment,
      Engine engine,
      Scratch scratch,
      Budget budget,
      Map<String, FeedPlan> feeds,
      long startedNanos) {
    this.experiment = experiment;
    this.engine = engine;
    this.scratch = scratch;
    this.budget = budget;
    this.feeds = feeds;
    this.startedNanos = startedNanos;
  }

  /**
   * Plans every dataset: reads footers, loads small tables, checks every column and expression.
   *
   * @param scratch for tables that are converted; closed with this plan, or when there is none
   * @throws LastmileException of kind USER for the first mistake found
   */
  public static JobPlan of(Experiment experiment, Scratch scratch) {
    return of(experiment, scratch, Mistakes.first());
  }

  /**
   * Plans every dataset for its mistakes alone, which are kept or thrown as these say; what a
   * mistake makes doubtful is not looked at.
   *
   * @param scratch for tables that are converted; closed at the end
   */
  public static void check(Experiment experiment, Scratch scratch, Mistakes mistakes) {
    of(experiment, scratch, mistakes).close();
  }

  /**
   * Plans the rows of one dataset alone, without its tensors and keys; it may be one that is only
   * there to be mixed.
   *
   * @param batch rows that the sequence hands over together
   * @param scratch for tables that are converted; closed with this plan, or when there is none
   * @throws LastmileException of kind USER for a mistake
   */
  public static JobPlan ofRows(Experiment experiment, String name, int batch, Scratch scratch) {
    Map<String, Dataset> rows = Map.of(name, experiment.rowsOf(name, batch));
    return of(experiment, rows, Map.of(), scratch, Mistakes.first());
  }

  private static JobPlan of(Experiment experiment, Scratch scratch, Mistakes mistakes) {
    Map<String, Dataset> fed = new LinkedHashMap<>(experiment.datasets());
    fed.values().removeIf(dataset -> dataset.tensors().isEmpty());
    Map<String, Dataset> bare = new LinkedHashMap<>(experiment.datasets());
    bare.values().removeIf(dataset -> !dataset.tensors().isEmpty());
    bare.keySet().removeIf(experiment::mixes);
    return of(experiment, fed, bare, scratch, mistakes);
  }

  /**
   * Plans datasets.
   *
   * @param bare those that have no tensors and are in no mix, since these have mistakes: the rest
   *     of them is planned for its own mistakes
   */
  private static JobPlan of(
      Experiment experiment,
      Map<String, Dataset> fed,
      Map<String, Dataset> bare,
      Scratch scratch,
      Mistakes mistakes) {
    long startedNanos = System.nanoTime();
    int count = fed.size();
    Cluster enough = experiment.cluster().workerMemory(Cluster.DEFAULT_WORKER_MEMORY);
    Budget budget =
        mistakes.orElse(Budget.of(enough, count), () -> Budget.of(experiment.cluster(), count));
    Engine engine = Engine.open(budget.engine());
    try (Session session = engine.connect()) {
      Map<String, FeedPlan> feeds = new LinkedHashMap<>();
      Planner planner = new Planner(experiment, engine, session, budget, scratch, mistakes);
      for (Map.Entry<String, Dataset> dataset : fed.entrySet()) {
        FeedPlan plan = planner.plan(dataset.getKey(), dataset.getValue());
        if (plan != null) {
          feeds.put(dataset.getKey(), plan);
        }
      }
      bare.forEach(planner::plan);
      engine.limitMemory(budget.engine() - planner.smallTableBytes());
      return new JobPlan(experiment, engine, scratch, budget, Map.copyOf(feeds), startedNanos);
    } catch (RuntimeException e) {
      engine.close();
      scratch.close();
      throw e;
    }
  }

  public Experiment experiment() {
    return experiment;
  }

  /** {@link System#nanoTime()} when the planning began. */
  public long startedNanos() {
    return startedNanos;
  }

  public Engine engine() {
    return engine;
  }

  /** For tables that are converted. */
  Scratch scratch() {
    return scratch;
  }

  public Budget budget() {
    return budget;
  }

  /** The plans by name of the dataset; one without tensors, which is only mixed, has none. */
  public Map<String, FeedPlan> feeds() {
    return feeds;
  }

  /**
   * The plan of the feed of a dataset.
   *
   * @throws LastmileException of kind USER when there is none of this name
   */
  public FeedPlan feed(String name) {
    FeedPlan plan = feeds.get(name);
    if (plan == null) {
      Dataset _ = experiment.dataset(name);
      throw LastmileException.user(
          "datasets", "Dataset \"" + name + "\" has no tensors (it is only there to be mixed)");
    }
    return plan;
  }

  /**
   * The plan of a dataset that is no mix itself; one that is only mixed has the tensors of the mix.
   *
   * @throws LastmileException of kind USER when there is none of this name
   */
  public DatasetPlan dataset(String name) {
    return feeds.values().stream()
        .flatMap(feed -> feed.tables().stream())
        .filter(plan -> plan.name().equals(name) && !feeds.containsKey(name))
        .findFirst()
        .orElseGet(() -> table(feed(name)));
  }

  /**
   * The plan of a mix.
   *
   * @throws LastmileException of kind USER when there is none of this name
   */
  public MixPlan mix(String name) {
    if (feed(name) instanceof MixPlan mix) {
      return mix;
    }
    throw LastmileException.user("datasets." + name, "Dataset \"%s\" is no mix".formatted(name));
  }

  private static DatasetPlan table(FeedPlan feed) {
    return switch (feed) {
      case DatasetPlan plan -> plan;
      case MixPlan mix ->
          throw LastmileException.user(
              "datasets." + mix.name(),
              "Dataset \"%s\" is a mix (name one of its datasets: %s)"
                  .formatted(mix.name(), String.join(", ", mix.mix().datasets())));
    };
  }

  @Override
  public void close() {
    engine.close();
    scratch.close();
  }
}
