package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything the user says: datasets, how they are trained on, and the hardware.
 *
 * @param name of the experiment; names its run records: letters, digits, '-', '_', '.'
 * @param seed of every permutation and, unless a step says otherwise, of every sampling hash
 * @param datasets by name, in the order they were written
 * @param training the script and its ranks, or null for an experiment that is only opened,
 *     explained or served
 * @param cluster the hardware
 * @param origin where it was written; not part of what travels
 */
public record Experiment(
    String name,
    long seed,
    Map<String, Dataset> datasets,
    @Nullable Training training,
    Cluster cluster,
    Origin origin) {
  public Experiment {
    Checks.name("name", name);
    datasets = Collections.unmodifiableMap(new LinkedHashMap<>(datasets));
  }

  /**
   * The dataset of a name.
   *
   * @throws LastmileException of kind USER when there is none
   */
  public Dataset dataset(String key) {
    Dataset dataset = datasets.get(key);
    if (dataset == null) {
      String hint = Nearest.hint(key, datasets.keySet());
      String known = " (known: " + String.join(", ", datasets.keySet()) + ")";
      throw LastmileException.user(
          "datasets", "Unknown dataset \"" + key + "\"" + (hint.isEmpty() ? known : hint));
    }
    return dataset;
  }

  /** Whether a dataset is mixed into another. */
  public boolean mixes(String key) {
    return datasets.values().stream()
        .anyMatch(dataset -> dataset.source() instanceof Mix mix && mix.datasets().contains(key));
  }

  /**
   * The rows of a dataset alone: without its tensors and keys, and all of them, however many fill a
   * step.
   *
   * @param batch rows that the sequence hands over together
   * @throws LastmileException of kind USER when there is no such dataset
   */
  public Dataset rowsOf(String key, int batch) {
    return dataset(key)
        .with(parts -> {
          parts.tensors = List.of();
          parts.keys = List.of();
          parts.batch = batch;
          parts.lastStep = Dataset.LastStep.UNEVEN;
          parts.certificate = Dataset.Certificate.IDENTITIES;
          parts.order = Dataset.Order.DETERMINISTIC;
        });
  }

  /** Begins an experiment. */
  public static ExperimentDraft named(String name) {
    return ExperimentDraft.named(name);
  }
}
