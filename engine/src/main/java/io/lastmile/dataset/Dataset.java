package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A table, or a mix of other datasets, what is done to its rows, and the tensors they become.
 *
 * @param source of its rows
 * @param steps in the order they apply
 * @param tensors in the order of the batch; none where it is only there to be mixed
 * @param batch rows per rank and step, &gt; 0
 * @param shuffle the order of the rows; of a mix, which has that of its datasets, none
 * @param keys columns that ride along for the script
 * @param prefetch steps kept ready per rank, &gt; 0
 * @param slots shared-memory slots per rank, &gt; prefetch
 * @param onEmpty what an epoch without rows does
 * @param lastStep what becomes of the rows that fill no whole step at the end of an epoch
 * @param certificate what the certificate of an epoch speaks of
 * @param order which split's rows come next
 */
public record Dataset(
    Source source,
    List<Step> steps,
    List<Tensor> tensors,
    int batch,
    Shuffle shuffle,
    List<String> keys,
    int prefetch,
    int slots,
    OnEmpty onEmpty,
    LastStep lastStep,
    Certificate certificate,
    Order order) {
  /** Steps kept ready per rank unless the dataset says otherwise. */
  public static final int DEFAULT_PREFETCH = 4;

  /** Rows per rank and step unless the dataset says otherwise. */
  public static final int DEFAULT_BATCH = 4096;

  public Dataset {
    steps = List.copyOf(steps);
    tensors = tensors.stream().map(Dataset::complete).toList();
    keys = List.copyOf(keys);
    Checks.names("tensors", tensors.stream().map(Tensor::name).toList());
    Checks.positive("batch", batch);
    Checks.names("keys", keys);
    Checks.positive("prefetch", prefetch);
    if (slots <= prefetch) {
      throw LastmileException.user(
          "slots", "Invalid slots: " + slots + " (must be > prefetch: " + prefetch + ")");
    }
  }

  /** This dataset with some other parts. */
  Dataset with(Consumer<DatasetParts> change) {
    DatasetParts parts = new DatasetParts(DatasetDraft.of(this));
    change.accept(parts);
    return parts.dataset();
  }

  /** This dataset with so many shared-memory slots per rank. */
  Dataset slots(int count) {
    return with(parts -> parts.slots = count);
  }

  /** These rows as a mix takes them: in its tensors, keys and batches, none of them left out. */
  public Dataset mixedInto(Dataset mix) {
    return with(parts -> {
      parts.tensors = mix.tensors;
      parts.batch = mix.batch;
      parts.keys = mix.keys;
      parts.prefetch = mix.prefetch;
      parts.slots = mix.slots;
      parts.onEmpty = mix.onEmpty;
      parts.lastStep = LastStep.UNEVEN;
      parts.certificate = mix.certificate;
      parts.order = Order.DETERMINISTIC;
    });
  }

  /** What it reads: its own source, unless that is a mix, and the small tables of its steps. */
  public List<Source.Files> sources() {
    List<Source.Files> sources = new ArrayList<>();
    if (source instanceof Source.Files files) {
      sources.add(files);
    }
    for (Step step : steps) {
      SmallTable table =
          switch (step) {
            case Join join -> join.table();
            case Step.SemiJoin join -> join.table();
            case Step.AntiJoin join -> join.table();
            default -> null;
          };
      if (table != null && table.rows() instanceof SmallTable.Stored(Source.Files files)) {
        sources.add(files);
      }
    }
    return sources;
  }

  /** This dataset in another order, all rows of an epoch, which may have none. */
  public Dataset over(Shuffle other) {
    return with(parts -> {
      parts.shuffle = other;
      parts.onEmpty = OnEmpty.ALLOW;
      parts.lastStep = LastStep.UNEVEN;
      parts.certificate = Certificate.IDENTITIES;
      parts.order = Order.DETERMINISTIC;
    });
  }

  private static Tensor complete(Tensor tensor) {
    try {
      return tensor.complete();
    } catch (LastmileException mistake) {
      throw mistake.under(tensor.name()).under("tensors");
    }
  }

  /** What an epoch without rows does. */
  public enum OnEmpty implements Worded {
    /** It has no steps, which the summary says. */
    ALLOW,
    /** It ends the run. */
    ERROR
  }

  /** What becomes of the rows that fill no whole step at the end of an epoch. */
  public enum LastStep implements Worded {
    /** The ranks share them evenly; one that would get none gets one padding row. */
    UNEVEN,
    /** The ranks share them evenly, each batch filled up with padding rows. */
    PAD,
    /** They are dropped, and counted: every step is whole. */
    DROP;

    /**
     * Steps that an epoch of so many rows has.
     *
     * @param stepRows rows of a whole step, of all ranks together
     */
    public long steps(long rows, long stepRows) {
      return switch (this) {
        case UNEVEN, PAD -> Math.ceilDiv(rows, stepRows);
        case DROP -> rows / stepRows;
      };
    }
  }

  /** Which split's rows come next. */
  public enum Order implements Worded {
    /** Those of the splits in their order, whenever they are ready. */
    DETERMINISTIC,
    /** Those of the first one that is ready, of the few that are next in that order. */
    ARRIVAL
  }

  /** What the certificate of an epoch speaks of. */
  public enum Certificate implements Worded {
    /** Which rows were delivered. */
    IDENTITIES,
    /** Which rows, and the values they were delivered with. */
    FULL
  }

  /** Begins a mix of other datasets of the same experiment. */
  public static DatasetDraft mix(Mix.Part... parts) {
    return DatasetDraft.from(Mix.of(parts));
  }

  /** Begins a dataset of Parquet files, globs or folders. */
  public static DatasetDraft parquet(String... paths) {
    return DatasetDraft.from(Source.Parquet.of(paths));
  }

  /** Begins a dataset of small CSV files. */
  public static DatasetDraft csv(String... paths) {
    return DatasetDraft.from(Source.Csv.of(paths));
  }

  /** Begins a dataset of small files with one JSON object a line. */
  public static DatasetDraft json(String... paths) {
    return DatasetDraft.from(Source.JsonLines.of(paths));
  }

  /** Begins a dataset of small Arrow IPC files. */
  public static DatasetDraft arrow(String... paths) {
    return DatasetDraft.from(Source.Arrow.of(paths));
  }
}
