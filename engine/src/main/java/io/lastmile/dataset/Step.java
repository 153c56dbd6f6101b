package io.lastmile.dataset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** One thing done to the rows of a dataset, as the user said it. */
public sealed interface Step {
  /** The key of this step in YAML and JSON. */
  String kind();

  /** Keeps the rows for which the condition is TRUE. */
  record Filter(String condition) implements Step {
    @Override
    public String kind() {
      return "filter";
    }
  }

  /** Adds columns; a later one may use an earlier one. A name that exists is an error. */
  record Derive(List<Column> columns) implements Step {
    public Derive {
      columns = List.copyOf(columns);
    }

    @Override
    public String kind() {
      return "derive";
    }

    /** A new column and its SQL scalar expression. */
    public record Column(String name, String expression) {}
  }

  /** Keeps only these columns: names or globs. */
  record Select(List<String> columns) implements Step {
    public Select {
      columns = List.copyOf(columns);
    }

    @Override
    public String kind() {
      return "select";
    }
  }

  /** Leaves these columns out: names or globs. */
  record Drop(List<String> columns) implements Step {
    public Drop {
      columns = List.copyOf(columns);
    }

    @Override
    public String kind() {
      return "drop";
    }
  }

  /** Drops the rows whose keys are in a table. A null key never matches, so its row stays. */
  record AntiJoin(Source.Parquet table, List<Key> on) implements Step {
    public AntiJoin {
      on = List.copyOf(on);
    }

    @Override
    public String kind() {
      return "anti_join";
    }

    /** A key column of the dataset and the column of the table it is compared with. */
    public record Key(String left, String right) {}
  }

  /**
   * Keeps a share of the rows, by a hash of their keys.
   *
   * @param where only rows for which this is TRUE are sampled; null: all rows
   * @param keep the share kept, in (0, 1]
   * @param by key columns, rows with equal keys stay or go together; empty: the row identity
   * @param weight float32 column multiplied by 1/keep on the sampled rows that stay, made with 1
   *     where it does not exist; null: none
   * @param salt of the hash; null: the kind of the step
   * @param resample whether each epoch draws anew
   */
  record Downsample(
      @Nullable String where,
      double keep,
      List<String> by,
      @Nullable String weight,
      @Nullable String salt,
      Resample resample)
      implements Step {
    public Downsample {
      by = List.copyOf(by);
    }

    @Override
    public String kind() {
      return "downsample";
    }
  }

  /** Whether a sampling step draws the same rows every epoch. */
  enum Resample {
    ONCE,
    EACH_EPOCH
  }
}
