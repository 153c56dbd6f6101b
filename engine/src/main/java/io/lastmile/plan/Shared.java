package io.lastmile.plan;

import java.util.List;

/**
 * That tensors or keys are written once for several datasets: what is said of a column that one of
 * them lacks, while another has it.
 *
 * @param lacking what the message says of the dataset that lacks it
 * @param remedy what to do about it
 * @param others the columns of the other datasets
 */
record Shared(String lacking, String remedy, List<Scope> others) {
  /**
   * A part of another dataset takes them from it.
   *
   * @param what is shared: tensors, or keys
   * @param from the dataset
   * @param columns of that dataset
   */
  static Shared ofPart(String what, String name, String from, Scope columns) {
    return new Shared(
        "in dataset \"%s\", which takes its %s from \"%s\"".formatted(name, what, from),
        "make it before the split, or give \"%s\" %s of its own".formatted(name, what),
        List.of(columns));
  }

  /**
   * The datasets of a mix have those of the mix.
   *
   * @param what is shared: tensors, or keys
   * @param columns of the datasets that are mixed
   */
  static Shared inMix(String what, String name, String mix, List<Scope> columns) {
    return new Shared(
        "in dataset \"%s\", which is mixed into \"%s\"".formatted(name, mix),
        "each dataset of a mix needs the columns of its " + what,
        columns);
  }

  /** Whether another dataset has, or may have, columns of a name or pattern. */
  boolean isElsewhere(String pattern) {
    return others.stream().anyMatch(scope -> scope.mayHave(pattern));
  }

  /** The message about a column, or columns, that only this dataset lacks. */
  String message(String unknown) {
    return "%s %s (%s)".formatted(unknown, lacking, remedy);
  }
}
