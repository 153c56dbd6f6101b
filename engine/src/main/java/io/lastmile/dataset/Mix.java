package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rows of several datasets of the same experiment, mixed: which of them gives the next row is
 * drawn by their ratios. Each keeps its own steps and its own order.
 *
 * @param parts the datasets, at least two, their ratios summing to 1
 * @param onDry what happens when one has no row left
 */
public record Mix(List<Part> parts, OnDry onDry) implements Source {
  private static final double ROUNDING = 1e-9;

  /**
   * One of the datasets.
   *
   * @param dataset its name; it is written before the mix, and is no mix itself
   * @param ratio share of the rows, in (0, 1)
   */
  public record Part(String dataset, double ratio) {
    public Part {
      Checks.name("dataset", dataset);
      if (!(ratio > 0 && ratio < 1)) {
        throw LastmileException.user("ratio", "Invalid ratio: " + ratio + " (must be in (0, 1))");
      }
    }
  }

  /** What happens when a row is to come from a dataset that has none left. */
  public enum OnDry implements Worded {
    /** The epoch ends. */
    STOP,
    /** The dataset starts over, until each has been read to its end once. */
    REPEAT,
    /** The others go on without it, until none has a row left. */
    REST
  }

  public Mix {
    parts = List.copyOf(parts);
    if (parts.size() < 2) {
      throw LastmileException.user(
          "mix",
          "Invalid mix: %s (must be at least 2)"
              .formatted(parts.isEmpty() ? "no datasets" : "1 dataset"));
    }
    Checks.names("mix", parts.stream().map(Part::dataset).toList());
    double sum = parts.stream().mapToDouble(Part::ratio).sum();
    if (Math.abs(sum - 1) > ROUNDING) {
      throw LastmileException.user(
          "mix", "Invalid mix: the ratios sum to " + Checks.sum(sum) + " (must be 1)");
    }
  }

  /** A mix of these datasets, whose epochs end when one of them has no row left. */
  public static Mix of(Part... parts) {
    return new Mix(List.of(parts), OnDry.STOP);
  }

  /** A dataset of a mix with its ratio. */
  public static Part part(String dataset, double ratio) {
    return new Part(dataset, ratio);
  }

  /** This mix with another answer to a dataset that has no row left. */
  public Mix onDry(OnDry answer) {
    return new Mix(parts, answer);
  }

  /** The names of the datasets, in order. */
  public List<String> datasets() {
    return parts.stream().map(Part::dataset).toList();
  }

  /**
   * Checks that the datasets are there.
   *
   * @param before the datasets that are written before the mix, by name
   * @throws LastmileException of kind USER when one is not, is a mix itself, or has another order
   */
  void check(Map<String, Dataset> before) {
    for (int i = 0; i < parts.size(); i++) {
      String name = parts.get(i).dataset();
      Dataset dataset = before.get(name);
      String element = "mix[" + i + "].dataset";
      if (dataset == null) {
        throw unknown(element, name, before.keySet());
      }
      if (dataset.source() instanceof Mix) {
        throw LastmileException.user(
            element, "Invalid dataset: \"" + name + "\" is a mix itself (mix its datasets)");
      }
      if (dataset.order() == Dataset.Order.ARRIVAL) {
        throw LastmileException.user(
            element,
            "Invalid dataset: \""
                + name
                + "\" has order: arrival (a mix needs order: deterministic)");
      }
    }
  }

  static LastmileException unknown(String element, String name, Set<String> before) {
    return LastmileException.user(
        element,
        "Unknown dataset \""
            + name
            + "\" (must be one that is written above it)"
            + Nearest.hint(name, before));
  }
}
