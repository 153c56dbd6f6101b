package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A dataset that is being said. Immutable: each call gives a new draft and leaves this one as it
 * was, so that variations may start from a common one. {@link ExperimentDraft#dataset} finishes it.
 *
 * <p>A wrong value is refused by the call that brings it, with a {@link LastmileException} of kind
 * USER.
 *
 * @param source the table
 * @param steps in the order they apply
 * @param tensors in the order of the batch; at least one when the dataset is finished
 * @param batch rows per rank and step, &gt; 0
 * @param shuffle the order of the rows; null: the default, which is file order for a dataset named
 *     {@code valid} and 8 row groups at a time for any other
 * @param keys columns that ride along for the script
 * @param prefetch steps kept ready per rank, &gt; 0
 * @param slots shared-memory slots per rank, &gt; prefetch; null: prefetch + 2
 */
public record DatasetDraft(
    Source source,
    List<Step> steps,
    List<Tensor> tensors,
    int batch,
    @Nullable Shuffle shuffle,
    List<String> keys,
    int prefetch,
    @Nullable Integer slots) {
  /** The name of the dataset whose rows keep file order unless it says otherwise. */
  public static final String VALIDATION = "valid";

  public DatasetDraft {
    steps = List.copyOf(steps);
    tensors = List.copyOf(tensors);
    keys = List.copyOf(keys);
    Checks.names("tensors", tensors.stream().map(Tensor::name).toList());
    Checks.positive("batch", batch);
    Checks.names("keys", keys);
    Checks.positive("prefetch", prefetch);
    if (slots != null) {
      Checks.positive("slots", slots);
    }
  }

  static DatasetDraft from(Source source) {
    return new DatasetDraft(
        source,
        List.of(),
        List.of(),
        Dataset.DEFAULT_BATCH,
        null,
        List.of(),
        Dataset.DEFAULT_PREFETCH,
        null);
  }

  /** This dataset with another table. */
  public DatasetDraft source(Source table) {
    return new DatasetDraft(table, steps, tensors, batch, shuffle, keys, prefetch, slots);
  }

  /** This dataset with one more step at the end. */
  public DatasetDraft step(Step step) {
    return new DatasetDraft(
        source, Written.plus(steps, step), tensors, batch, shuffle, keys, prefetch, slots);
  }

  /** Then keeps the rows for which the SQL condition is TRUE. */
  public DatasetDraft filter(String condition) {
    return step(new Step.Filter(condition));
  }

  /** Then adds a column, the value of an SQL scalar expression. */
  public DatasetDraft derive(String column, String expression) {
    return step(new Step.Derive(List.of(new Step.Derive.Column(column, expression))));
  }

  /** Then keeps only these columns: names or patterns. */
  public DatasetDraft select(String... columns) {
    return step(new Step.Select(List.of(columns)));
  }

  /** Then leaves these columns out: names or patterns. */
  public DatasetDraft drop(String... columns) {
    return step(new Step.Drop(List.of(columns)));
  }

  /** Then drops the rows whose keys are in a Parquet table that names them alike. */
  public DatasetDraft antiJoin(String path, String... columns) {
    return step(Step.AntiJoin.of(path, columns));
  }

  /** Then keeps a share of the rows, in (0, 1], by row identity. */
  public DatasetDraft downsample(double keep) {
    return step(Step.Downsample.keeping(keep));
  }

  /** Then keeps a share of the rows, in (0, 1], refined: by which keys, of which rows. */
  public DatasetDraft downsample(double keep, UnaryOperator<Step.Downsample> refinement) {
    return step(refinement.apply(Step.Downsample.keeping(keep)));
  }

  /** This dataset with one more tensor. */
  public DatasetDraft tensor(Tensor tensor) {
    return new DatasetDraft(
        source, steps, Written.plus(tensors, tensor), batch, shuffle, keys, prefetch, slots);
  }

  /** One more tensor: of one column [batch], or of the columns of a pattern [batch, n]. */
  public DatasetDraft tensor(String name, String columns) {
    return tensor(Tensor.of(name, columns));
  }

  /** As {@link #tensor(String, String)}, refined: its type, its fill. */
  public DatasetDraft tensor(String name, String columns, UnaryOperator<Tensor> refinement) {
    return tensor(refinement.apply(Tensor.of(name, columns)));
  }

  /** One more tensor [batch, n] of columns and patterns, refined: its type, its fill. */
  public DatasetDraft tensor(String name, List<String> columns, UnaryOperator<Tensor> refinement) {
    return tensor(refinement.apply(Tensor.of(name, columns)));
  }

  /** This dataset with so many rows per rank and step. */
  public DatasetDraft batch(int rows) {
    return new DatasetDraft(source, steps, tensors, rows, shuffle, keys, prefetch, slots);
  }

  /** This dataset in another order. */
  public DatasetDraft shuffle(Shuffle order) {
    return new DatasetDraft(source, steps, tensors, batch, order, keys, prefetch, slots);
  }

  /** This dataset with these columns, and no others, riding along for the script. */
  public DatasetDraft keys(String... columns) {
    return new DatasetDraft(
        source, steps, tensors, batch, shuffle, List.of(columns), prefetch, slots);
  }

  /** This dataset with so many steps kept ready per rank. */
  public DatasetDraft prefetch(int count) {
    return new DatasetDraft(source, steps, tensors, batch, shuffle, keys, count, slots);
  }

  /** This dataset with so many shared-memory slots per rank. */
  public DatasetDraft slots(int count) {
    return new DatasetDraft(source, steps, tensors, batch, shuffle, keys, prefetch, count);
  }

  /** The finished dataset, the defaults that hang on its name filled in. */
  Dataset build(String name) {
    Checks.name("", name);
    if (tensors.isEmpty()) {
      throw LastmileException.user("tensors", "Invalid tensors: none (must be at least one)");
    }
    Shuffle order = shuffle;
    if (order == null) {
      order =
          name.equals(VALIDATION)
              ? Shuffle.none()
              : Shuffle.rowGroups(Shuffle.RowGroups.DEFAULT_COUNT);
    }
    int ring = slots == null ? prefetch + 2 : slots;
    return new Dataset(source, steps, tensors, batch, order, keys, prefetch, ring);
  }
}
