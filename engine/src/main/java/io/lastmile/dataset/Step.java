package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One thing done to the rows of a dataset, as the user said it. */
public sealed interface Step {
  /** The key of this step in YAML and JSON. */
  String kind();

  /** Keeps the rows for which the condition is TRUE. */
  record Filter(String condition) implements Step {
    public Filter {
      Checks.expression("filter", condition);
    }

    @Override
    public String kind() {
      return "filter";
    }
  }

  /** Adds columns; a later one may use an earlier one. A name that exists is an error. */
  record Derive(List<Column> columns) implements Step {
    public Derive {
      columns = List.copyOf(columns);
      Checks.someNames("derive", columns.stream().map(Column::name).toList());
    }

    @Override
    public String kind() {
      return "derive";
    }

    /** A new column and its SQL scalar expression. */
    public record Column(String name, String expression) {
      public Column {
        Checks.expression(name, expression);
      }
    }
  }

  /** Keeps only these columns: names or globs. */
  record Select(List<String> columns) implements Step {
    public Select {
      columns = List.copyOf(columns);
      Checks.someNames("select", columns);
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
      Checks.someNames("drop", columns);
    }

    @Override
    public String kind() {
      return "drop";
    }
  }

  /**
   * Drops the rows whose keys are in a table. A null key never matches, so its row stays.
   *
   * @param table read whole; it has no rows to spare, so a corrupt one ends the run
   * @param on the key columns, at least one
   */
  record AntiJoin(Source.Parquet table, List<Key> on) implements Step {
    public AntiJoin {
      on = List.copyOf(on);
      Checks.someNames("on", on.stream().map(Key::left).toList());
      if (table.onCorrupt() != Source.OnCorrupt.FAIL) {
        throw LastmileException.user(
            "on_corrupt", "Invalid on_corrupt: skip (the table of an anti_join must be whole)");
      }
    }

    /** Columns that have the same names in the dataset and in the table. */
    public static AntiJoin of(String path, String... columns) {
      List<Key> on = Stream.of(columns).map(column -> new Key(column, column)).toList();
      return new AntiJoin(Source.Parquet.of(path), on);
    }

    @Override
    public String kind() {
      return "anti_join";
    }

    /** A key column of the dataset and the column of the table it is compared with. */
    public record Key(String left, String right) {
      public Key {
        Checks.filled("on", left);
        Checks.filled("on", right);
      }
    }
  }

  /**
   * Keeps a share of the rows, by a hash of their keys.
   *
   * @param where only rows for which this is TRUE are sampled; null: all rows
   * @param keep the share kept, in (0, 1]
   * @param by key columns, rows with equal keys stay or go together; empty: the row identity
   * @param weight float32 column multiplied by 1/keep on the sampled rows that stay, made with 1
   *     where it does not exist; null: none
   * @param salt of the hash; given as null it is the kind of the step, so it is never null here
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
      if (!(keep > 0 && keep <= 1)) {
        throw LastmileException.user("keep", "Invalid keep: " + keep + " (must be in (0, 1])");
      }
      if (where != null) {
        Checks.expression("where", where);
      }
      if (weight != null) {
        Checks.filled("weight", weight);
      }
      Checks.names("by", by);
      salt = salt == null ? "downsample" : salt;
    }

    /** A share of all rows, drawn once by row identity, without weights. */
    public static Downsample keeping(double share) {
      return new Downsample(null, share, List.of(), null, null, Resample.ONCE);
    }

    /** This step with another share, in (0, 1]. */
    public Downsample keep(double share) {
      return new Downsample(where, share, by, weight, salt, resample);
    }

    /** This step on the rows for which the condition is TRUE. */
    public Downsample where(String condition) {
      return new Downsample(condition, keep, by, weight, salt, resample);
    }

    /** This step by these key columns and no others. */
    public Downsample by(String... columns) {
      return new Downsample(where, keep, List.of(columns), weight, salt, resample);
    }

    /** This step with a column for the weights. */
    public Downsample weight(String column) {
      return new Downsample(where, keep, by, column, salt, resample);
    }

    /** This step with a hash of its own. */
    public Downsample salt(String text) {
      return new Downsample(where, keep, by, weight, text, resample);
    }

    /** This step drawn once, or anew in each epoch. */
    public Downsample resample(Resample when) {
      return new Downsample(where, keep, by, weight, salt, when);
    }

    @Override
    public String kind() {
      return "downsample";
    }
  }

  /** Whether a sampling step draws the same rows every epoch. */
  enum Resample {
    ONCE,
    EACH_EPOCH;

    /** The word for it in YAML and JSON. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
