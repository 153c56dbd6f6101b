package io.lastmile.dataset;

import java.util.List;

/**
 * A table, what is done to its rows, and the tensors they become.
 *
 * @param source the table
 * @param steps in the order they apply
 * @param tensors in the order of the batch
 * @param batch rows per rank and step, &gt; 0
 * @param shuffle the order of the rows
 * @param keys columns that ride along for the script
 * @param prefetch steps kept ready per rank, &gt; 0
 * @param slots shared-memory slots per rank, &gt; prefetch
 */
public record Dataset(
    Source source,
    List<Step> steps,
    List<Tensor> tensors,
    int batch,
    Shuffle shuffle,
    List<String> keys,
    int prefetch,
    int slots) {
  /** Steps kept ready per rank unless the dataset says otherwise. */
  public static final int DEFAULT_PREFETCH = 4;

  public Dataset {
    steps = List.copyOf(steps);
    tensors = List.copyOf(tensors);
    keys = List.copyOf(keys);
  }
}
