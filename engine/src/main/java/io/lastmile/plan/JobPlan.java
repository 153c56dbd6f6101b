package io.lastmile.plan;

import io.lastmile.dataset.Cluster;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Experiment;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.error.Nearest;
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
  private final Map<String, DatasetPlan> datasets;
  private final long startedNanos;

  private JobPlan(
      Experiment experiment,
      Engine engine,
      Scratch scratch,
      Budget budget,
      Map<String, DatasetPlan> datasets,
      long startedNanos) {
    this.experiment = experiment;
    this.engine = engine;
    this.scratch = scratch;
    this.budget = budget;
    this.datasets = datasets;
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

  private static JobPlan of(Experiment experiment, Scratch scratch, Mistakes mistakes) {
    long startedNanos = System.nanoTime();
    int count = experiment.datasets().size();
    Cluster enough = experiment.cluster().workerMemory(Cluster.DEFAULT_WORKER_MEMORY);
    Budget budget =
        mistakes.orElse(Budget.of(enough, count), () -> Budget.of(experiment.cluster(), count));
    Engine engine = Engine.open(budget.engine());
    try (Session session = engine.connect()) {
      Map<String, DatasetPlan> datasets = new LinkedHashMap<>();
      Planner planner = new Planner(experiment, engine, session, budget, scratch, mistakes);
      for (Map.Entry<String, Dataset> dataset : experiment.datasets().entrySet()) {
        DatasetPlan plan = planner.plan(dataset.getKey(), dataset.getValue());
        if (plan != null) {
          datasets.put(dataset.getKey(), plan);
        }
      }
      engine.limitMemory(budget.engine() - planner.smallTableBytes());
      return new JobPlan(experiment, engine, scratch, budget, Map.copyOf(datasets), startedNanos);
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

  public Budget budget() {
    return budget;
  }

  /** The plans by name of the dataset. */
  public Map<String, DatasetPlan> datasets() {
    return datasets;
  }

  /**
   * The plan of one dataset.
   *
   * @throws LastmileException of kind USER when there is none of this name
   */
  public DatasetPlan dataset(String name) {
    DatasetPlan plan = datasets.get(name);
    if (plan == null) {
      throw LastmileException.user(
          "datasets", "Unknown dataset \"" + name + "\"" + Nearest.hint(name, datasets.keySet()));
    }
    return plan;
  }

  @Override
  public void close() {
    engine.close();
    scratch.close();
  }
}
