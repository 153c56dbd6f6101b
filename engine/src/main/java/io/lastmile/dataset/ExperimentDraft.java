package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An experiment that is being said in code. Immutable: each call gives a new draft and leaves this
 * one as it was.
 *
 * <p>A wrong value is refused by the call that brings it, with a {@link LastmileException} of kind
 * USER; what only planning can know (a missing file, a column that is not there) is found when the
 * experiment is planned.
 */
public final class ExperimentDraft {
  private final String name;
  private final long seed;
  private final Map<String, Dataset> datasets;
  private final @Nullable Training training;
  private final Cluster cluster;
  private final Origin origin;

  private ExperimentDraft(
      String name,
      long seed,
      Map<String, Dataset> datasets,
      @Nullable Training training,
      Cluster cluster,
      Origin origin) {
    this.name = name;
    this.seed = seed;
    this.datasets = datasets;
    this.training = training;
    this.cluster = cluster;
    this.origin = origin;
  }

  static ExperimentDraft named(String name) {
    Checks.name("name", name);
    return new ExperimentDraft(name, 0, Map.of(), null, Cluster.local(), Origin.code(Path.of("")));
  }

  /** The datasets so far, by name. */
  Map<String, Dataset> datasets() {
    return datasets;
  }

  /** This experiment with another name. */
  ExperimentDraft name(String other) {
    Checks.name("name", other);
    return new ExperimentDraft(other, seed, datasets, training, cluster, origin);
  }

  /** This experiment with another seed; it is 0 otherwise. */
  public ExperimentDraft seed(long value) {
    return new ExperimentDraft(name, value, datasets, training, cluster, origin);
  }

  /**
   * This experiment in a folder, where its relative paths and its ranks start; the current folder
   * otherwise.
   */
  public ExperimentDraft in(Path folder) {
    return origin(Origin.code(folder));
  }

  /** This experiment, written there. */
  ExperimentDraft origin(Origin written) {
    return new ExperimentDraft(name, seed, datasets, training, cluster, written);
  }

  /** This experiment with one more dataset. */
  public ExperimentDraft dataset(String key, DatasetDraft dataset) {
    String element = "datasets." + key;
    if (datasets.containsKey(key)) {
      throw LastmileException.user(element, "Invalid datasets: \"" + key + "\" is listed twice");
    }
    try {
      Dataset built = dataset.build(key, Mistakes.first());
      if (built.source() instanceof Mix mix) {
        mix.check(datasets);
      }
      return dataset(key, built);
    } catch (LastmileException mistake) {
      throw mistake.under(element);
    }
  }

  /** This experiment with one more dataset, finished and under a new name. */
  ExperimentDraft dataset(String key, Dataset dataset) {
    Map<String, Dataset> more = new LinkedHashMap<>(datasets);
    more.put(key, dataset);
    return new ExperimentDraft(
        name, seed, Collections.unmodifiableMap(more), training, cluster, origin);
  }

  /** This experiment with a script to train, in one rank and without arguments. */
  public ExperimentDraft train(String script) {
    return train(Training.of(script));
  }

  /** This experiment with a script to train, refined: its ranks, its arguments. */
  public ExperimentDraft train(String script, UnaryOperator<Training> refinement) {
    return train(refinement.apply(Training.of(script)));
  }

  /** This experiment with a training. */
  public ExperimentDraft train(Training script) {
    return new ExperimentDraft(name, seed, datasets, script, cluster, origin);
  }

  /** This experiment on other hardware. */
  public ExperimentDraft cluster(Cluster hardware) {
    return new ExperimentDraft(name, seed, datasets, training, hardware, origin);
  }

  /** This experiment with so many workers; one per core otherwise. */
  public ExperimentDraft workers(int count) {
    return cluster(cluster.workers(count));
  }

  /** This experiment with so much memory for each worker, such as {@code 512MiB}. */
  public ExperimentDraft workerMemory(String size) {
    return cluster(cluster.workerMemory(size));
  }

  /**
   * The finished experiment; it needs at least one dataset, and tensors in all that are not mixed.
   */
  public Experiment build() {
    if (datasets.isEmpty()) {
      throw noDatasets();
    }
    Experiment built = experiment();
    datasets.forEach((key, dataset) -> {
      if (dataset.tensors().isEmpty() && !built.mixes(key)) {
        throw DatasetDraft.noTensors().under("datasets." + key);
      }
    });
    return built;
  }

  static LastmileException noDatasets() {
    return LastmileException.user("datasets", "Invalid datasets: none (must be at least one)");
  }

  /** What was said so far. */
  Experiment experiment() {
    return new Experiment(name, seed, datasets, training, cluster, origin);
  }
}
