package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A dataset that is being said. Immutable: each call gives a new draft and leaves this one as it
 * was, so that variations may start from a common one. {@link ExperimentDraft#dataset} finishes it.
 *
 * <p>A wrong value is refused by the call that brings it, with a {@link LastmileException} of kind
 * USER.
 *
 * @param source of its rows
 * @param steps in the order they apply
 * @param tensors in the order of the batch; at least one unless the dataset is only there to be
 *     mixed
 * @param batch rows per rank and step, &gt; 0
 * @param shuffle the order of the rows; null: the default, which is file order for a dataset named
 *     {@code valid} and 8 row groups at a time for any other
 * @param keys columns that ride along for the script
 * @param prefetch steps kept ready per rank, &gt; 0
 * @param slots shared-memory slots per rank, &gt; prefetch; null: prefetch + 2
 * @param onEmpty what an epoch without rows does
 * @param lastStep what becomes of the rows that fill no whole step at the end of an epoch
 * @param certificate what the certificate of an epoch speaks of
 * @param order which split's rows come next
 */
public record DatasetDraft(
    Source source,
    List<Step> steps,
    List<Tensor> tensors,
    int batch,
    @Nullable Shuffle shuffle,
    List<String> keys,
    int prefetch,
    @Nullable Integer slots,
    Dataset.OnEmpty onEmpty,
    Dataset.LastStep lastStep,
    Dataset.Certificate certificate,
    Dataset.Order order) {
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
        null,
        Dataset.OnEmpty.ALLOW,
        Dataset.LastStep.UNEVEN,
        Dataset.Certificate.IDENTITIES,
        Dataset.Order.DETERMINISTIC);
  }

  /** This dataset with some other parts. */
  private DatasetDraft with(Consumer<DatasetParts> change) {
    DatasetParts parts = new DatasetParts(this);
    change.accept(parts);
    return parts.draft();
  }

  /** This dataset with another source. */
  public DatasetDraft source(Source other) {
    return with(parts -> parts.source = other);
  }

  /** This dataset with one more step at the end. */
  public DatasetDraft step(Step step) {
    return with(parts -> parts.steps = Written.plus(steps, step));
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

  /** Then gives a column, or the columns of a pattern with one {@code *}, another name. */
  public DatasetDraft rename(String from, String to) {
    return step(new Step.Rename(List.of(new Step.Rename.Name(from, to))));
  }

  /** Then gives the columns of a name or pattern another SQL type. */
  public DatasetDraft cast(String columns, String type) {
    return step(new Step.Cast(List.of(new Step.Cast.Type(columns, type))));
  }

  /** Then adds the columns of a small table, by keys that both sides name alike. */
  public DatasetDraft join(SmallTable table, String... on) {
    return step(Join.of(table, on));
  }

  /** Then adds columns of a small table, refined: which ones, from matching rows only. */
  public DatasetDraft join(SmallTable table, String on, UnaryOperator<Join> refinement) {
    return step(refinement.apply(Join.of(table, on)));
  }

  /** Then keeps the rows whose keys are in a small table that names them alike. */
  public DatasetDraft semiJoin(SmallTable table, String... on) {
    return step(new Step.SemiJoin(table, JoinKey.of(on)));
  }

  /** Then drops the rows whose keys are in a small table that names them alike. */
  public DatasetDraft antiJoin(SmallTable table, String... on) {
    return step(new Step.AntiJoin(table, JoinKey.of(on)));
  }

  /** Then drops the rows whose keys are in a Parquet table that names them alike. */
  public DatasetDraft antiJoin(String path, String... on) {
    return antiJoin(SmallTable.parquet(path), on);
  }

  /** Then keeps a share of all rows, in (0, 1], without weights. */
  public DatasetDraft sample(double keep, UnaryOperator<Step.Sample> refinement) {
    return step(refinement.apply(Step.Sample.keeping(keep)));
  }

  /** Then repeats the rows for which the SQL condition is TRUE so many times. */
  public DatasetDraft upsample(String where, int repeat) {
    return step(new Step.Upsample(where, repeat, null));
  }

  /** Then multiplies a float32 weight, made where it does not exist, by an SQL expression. */
  public DatasetDraft weight(String column, String expression) {
    return step(new Step.Weight(List.of(new Step.Derive.Column(column, expression))));
  }

  /** Then adds an int32 label: 1 where the SQL condition is TRUE, else 0. */
  public DatasetDraft label(String column, String condition) {
    return step(new Step.Label(List.of(Step.Label.Rule.of(column, condition))));
  }

  /** Then makes one row of each element of these lists, which are equally long. */
  public DatasetDraft explode(String... columns) {
    return step(new Step.Explode(List.of(columns), null));
  }

  /** Then cuts lists to their first values. */
  public DatasetDraft truncateToFirst(int values, String... columns) {
    return step(new Step.Truncate(List.of(columns), values, Step.End.FIRST));
  }

  /** Then cuts lists to their last values. */
  public DatasetDraft truncateToLast(int values, String... columns) {
    return step(new Step.Truncate(List.of(columns), values, Step.End.LAST));
  }

  /** Then splits the rows into parts and keeps those of one of them, by default its own name's. */
  public DatasetDraft split(Step.Split split) {
    return step(split);
  }

  /** Then ends each epoch after so many rows; nothing may follow. */
  public DatasetDraft limit(long rows) {
    return step(new Step.Limit(rows));
  }

  /**
   * Another part of this dataset: its rows up to its first split, of which the given part is kept,
   * with the same tensors, keys and batch. Steps behind the split are not taken over.
   */
  public DatasetDraft part(String name) {
    for (int i = 0; i < steps.size(); i++) {
      if (steps.get(i) instanceof Step.Split split) {
        List<Step> before = steps.subList(0, i);
        return with(parts -> {
          parts.steps = Written.plus(before, split.part(name).resolved(name));
          parts.shuffle = null;
        });
      }
    }
    throw LastmileException.user(
        "part", "Unknown part \"" + name + "\" (the dataset has no split)");
  }

  /** Then keeps a share of the rows, in (0, 1], by row identity. */
  public DatasetDraft downsample(double keep) {
    return step(Downsample.keeping(keep));
  }

  /** Then keeps a share of the rows, in (0, 1], refined: by which keys, of which rows. */
  public DatasetDraft downsample(double keep, UnaryOperator<Downsample> refinement) {
    return step(refinement.apply(Downsample.keeping(keep)));
  }

  /** This dataset with one more tensor. */
  public DatasetDraft tensor(Tensor tensor) {
    return with(parts -> parts.tensors = Written.plus(tensors, tensor));
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
    return with(parts -> parts.batch = rows);
  }

  /** This dataset in another order. */
  public DatasetDraft shuffle(Shuffle other) {
    return with(parts -> parts.shuffle = other);
  }

  /** This dataset with these columns, and no others, riding along for the script. */
  public DatasetDraft keys(String... columns) {
    return with(parts -> parts.keys = List.of(columns));
  }

  /** This dataset with so many steps kept ready per rank. */
  public DatasetDraft prefetch(int count) {
    return with(parts -> parts.prefetch = count);
  }

  /** This dataset with so many shared-memory slots per rank. */
  public DatasetDraft slots(int count) {
    return with(parts -> parts.slots = count);
  }

  /** This dataset with another answer to an epoch without rows. */
  public DatasetDraft onEmpty(Dataset.OnEmpty answer) {
    return with(parts -> parts.onEmpty = answer);
  }

  /** This dataset with another answer to rows that fill no whole step at the end of an epoch. */
  public DatasetDraft lastStep(Dataset.LastStep answer) {
    return with(parts -> parts.lastStep = answer);
  }

  /** This dataset with certificates of its epochs that speak of more, or of less. */
  public DatasetDraft certificate(Dataset.Certificate of) {
    return with(parts -> parts.certificate = of);
  }

  /** This dataset with another choice of the split whose rows come next. */
  public DatasetDraft order(Dataset.Order choice) {
    return with(parts -> parts.order = choice);
  }

  /** This mix with another answer to a dataset that has no row left. */
  public DatasetDraft onDry(Mix.OnDry answer) {
    if (!(source instanceof Mix mix)) {
      throw notMixed();
    }
    return source(mix.onDry(answer));
  }

  static LastmileException notMixed() {
    return LastmileException.user("on_dry", "Invalid on_dry: only for a mix");
  }

  /** This dataset without tensors, such as a part that gets its own. */
  public DatasetDraft withoutTensors() {
    return with(parts -> parts.tensors = List.of());
  }

  /** What was said of a finished dataset. */
  static DatasetDraft of(Dataset dataset) {
    return new DatasetDraft(
        dataset.source(),
        dataset.steps(),
        dataset.tensors(),
        dataset.batch(),
        dataset.shuffle(),
        dataset.keys(),
        dataset.prefetch(),
        dataset.slots(),
        dataset.onEmpty(),
        dataset.lastStep(),
        dataset.certificate(),
        dataset.order());
  }

  /** The steps, each split saying its part; a limit may only be the last. */
  private List<Step> resolvedSteps(String name, Mistakes mistakes) {
    List<Step> resolved = new ArrayList<>();
    for (Step step : steps) {
      String element = "steps[" + resolved.size() + "]." + step.kind();
      if (step instanceof Step.Limit && resolved.size() < steps.size() - 1) {
        mistakes.add(
            LastmileException.user(element, "Invalid limit: a step follows (must be the last)"));
      }
      Step unread = new Step.Unread(step.kind(), List.of());
      resolved.add(
          step instanceof Step.Split split
              ? mistakes.orElse(unread, () -> resolved(split, name, element))
              : step);
    }
    return resolved;
  }

  private static Step.Split resolved(Step.Split split, String name, String element) {
    try {
      return split.resolved(name);
    } catch (LastmileException mistake) {
      throw mistake.under(element);
    }
  }

  static LastmileException noTensors() {
    return LastmileException.user("tensors", "Invalid tensors: none (must be at least one)");
  }

  /**
   * The finished dataset, the defaults that hang on its name filled in; mistakes that are kept are
   * left out.
   */
  Dataset build(String name, Mistakes mistakes) {
    Checks.name("", name);
    DatasetParts parts = new DatasetParts(this);
    if (source instanceof Mix) {
      checkMixed(mistakes);
      parts.shuffle = Shuffle.none();
    } else if (shuffle == null) {
      parts.shuffle =
          name.equals(VALIDATION)
              ? Shuffle.none()
              : Shuffle.rowGroups(Shuffle.RowGroups.DEFAULT_COUNT);
    }
    checkOrder(mistakes);
    parts.steps = resolvedSteps(name, mistakes);
    parts.slots = prefetch + 2;
    Dataset dataset = parts.dataset();
    return slots == null ? dataset : mistakes.orElse(dataset, () -> dataset.slots(slots));
  }

  /**
   * In the order of arrival, which rows a limit or the last step leaves out is not known before.
   */
  private void checkOrder(Mistakes mistakes) {
    if (order == Dataset.Order.DETERMINISTIC) {
      return;
    }
    if (source instanceof Mix) {
      mistakes.add(arrival("for a mix, which draws whose row is next"));
    }
    if (steps.stream().anyMatch(Step.Limit.class::isInstance)) {
      mistakes.add(arrival("with limit, which takes the first rows"));
    }
    if (lastStep == Dataset.LastStep.DROP) {
      mistakes.add(arrival("with last_step: drop, which drops the last rows"));
    }
  }

  private static LastmileException arrival(String why) {
    return LastmileException.user(
        "order", "Invalid order: arrival (not %s: must be deterministic)".formatted(why));
  }

  /** A mix takes rows as its datasets give them, in their order; it may only be limited. */
  private void checkMixed(Mistakes mistakes) {
    if (shuffle != null) {
      mistakes.add(
          LastmileException.user(
              "shuffle", "Invalid shuffle: not for a mix (each of its datasets has its own)"));
    }
    for (int i = 0; i < steps.size(); i++) {
      String kind = steps.get(i).kind();
      if (!(steps.get(i) instanceof Step.Limit || steps.get(i) instanceof Step.Unread)) {
        mistakes.add(
            LastmileException.user(
                "steps[" + i + "]." + kind,
                "Invalid step: %s (a mix can only be limited; write the step in the datasets that are mixed)"
                    .formatted(kind)));
      }
    }
  }
}
