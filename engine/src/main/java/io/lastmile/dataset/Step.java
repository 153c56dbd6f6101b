package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One thing done to the rows of a dataset, as the user said it. */
public sealed interface Step
    permits Step.Filter,
        Step.Derive,
        Step.Select,
        Step.Drop,
        Step.Rename,
        Step.Cast,
        Step.Label,
        Step.Weight,
        Step.Truncate,
        Step.Explode,
        Step.SemiJoin,
        Step.AntiJoin,
        Step.Sample,
        Step.Upsample,
        Step.Split,
        Step.Limit,
        Step.Unread,
        Join,
        Downsample {
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

  /** Gives columns other names: each a name, or patterns with one {@code *} on both sides. */
  record Rename(List<Name> names) implements Step {
    public Rename {
      names = List.copyOf(names);
      Checks.someNames("rename", names.stream().map(Name::from).toList());
    }

    @Override
    public String kind() {
      return "rename";
    }

    /** The name or pattern now, and after the step. */
    public record Name(String from, String to) {
      public Name {
        Checks.filled(from, to);
        if (stars(from) != stars(to) || stars(from) > 1) {
          throw LastmileException.user(
              from,
              "Invalid name: \"" + to + "\" (must have one '*' where \"" + from + "\" has one)");
        }
      }

      private static long stars(String pattern) {
        return pattern.chars().filter(letter -> letter == '*').count();
      }
    }
  }

  /** Gives columns other types: names or globs, and SQL types such as FLOAT or BIGINT[]. */
  record Cast(List<Type> types) implements Step {
    public Cast {
      types = List.copyOf(types);
      Checks.someNames("cast", types.stream().map(Type::columns).toList());
    }

    @Override
    public String kind() {
      return "cast";
    }

    /** A name or glob, and the SQL type its columns get. */
    public record Type(String columns, String type) {
      public Type {
        Checks.sqlType(columns, type);
      }
    }
  }

  /**
   * Adds columns of int32 classes: sugar for a {@link Derive} of {@code CASE WHEN condition THEN
   * class … ELSE otherwise END}. A name that exists is an error.
   */
  record Label(List<Rule> columns) implements Step {
    public Label {
      columns = List.copyOf(columns);
      Checks.someNames("label", columns.stream().map(Rule::name).toList());
    }

    @Override
    public String kind() {
      return "label";
    }

    /**
     * A label.
     *
     * @param classes in their order: the first whose condition is TRUE counts
     * @param otherwise the class of rows for which none is TRUE
     */
    public record Rule(String name, List<Case> classes, int otherwise) {
      public Rule {
        classes = List.copyOf(classes);
        Checks.filled("label", name);
        Checks.someNames("classes", classes.stream().map(Case::condition).toList());
      }

      /** This label with other classes. */
      Rule classes(List<Case> others) {
        return new Rule(name, others, otherwise);
      }

      /** This label with another class for the rest. */
      Rule otherwise(int label) {
        return new Rule(name, classes, label);
      }

      /** 1 where the condition is TRUE, else 0. */
      public static Rule of(String name, String condition) {
        return new Rule(name, List.of(new Case(condition, 1)), 0);
      }
    }

    /** An SQL condition and the class of the rows for which it is TRUE. */
    public record Case(String condition, int label) {
      public Case {
        Checks.expression("classes", condition);
      }
    }
  }

  /**
   * Multiplies weight columns by numbers: each the name of a float32 column, made where it does not
   * exist, and an SQL scalar expression.
   */
  record Weight(List<Derive.Column> factors) implements Step {
    public Weight {
      factors = List.copyOf(factors);
      Checks.someNames("weight", factors.stream().map(Derive.Column::name).toList());
    }

    @Override
    public String kind() {
      return "weight";
    }
  }

  /** Cuts lists to their first or last values. */
  record Truncate(List<String> columns, int length, End keep) implements Step {
    public Truncate {
      columns = List.copyOf(columns);
      Checks.someNames("columns", columns);
      Checks.positive(keep.word(), length);
    }

    /** This step on other columns. */
    Truncate columns(List<String> others) {
      return new Truncate(others, length, keep);
    }

    /** This step with so many values of an end. */
    Truncate keep(int values, End end) {
      return new Truncate(columns, values, end);
    }

    @Override
    public String kind() {
      return "truncate";
    }
  }

  /** An end of a list. */
  enum End implements Worded {
    FIRST,
    LAST
  }

  /**
   * Makes one row of each element of a list. The column then holds the element. Rows whose list is
   * null or empty are dropped.
   *
   * @param columns list columns, in each row of one length
   * @param position name of a new int64 column for the element's place in the list, from 0; null:
   *     none
   */
  record Explode(List<String> columns, @Nullable String position) implements Step {
    public Explode {
      columns = List.copyOf(columns);
      Checks.someNames("columns", columns);
      if (position != null) {
        Checks.filled("position", position);
      }
    }

    /** This step with a column for the place in the list. */
    public Explode position(String column) {
      return new Explode(columns, column);
    }

    @Override
    public String kind() {
      return "explode";
    }
  }

  /**
   * Keeps the rows whose keys are in a small table. A null key never matches: its row is dropped.
   */
  record SemiJoin(SmallTable table, List<JoinKey> on) implements Step {
    public SemiJoin {
      on = List.copyOf(on);
      Checks.someNames("on", on.stream().map(JoinKey::left).toList());
    }

    @Override
    public String kind() {
      return "semi_join";
    }
  }

  /** Drops the rows whose keys are in a small table. A null key never matches: its row stays. */
  record AntiJoin(SmallTable table, List<JoinKey> on) implements Step {
    public AntiJoin {
      on = List.copyOf(on);
      Checks.someNames("on", on.stream().map(JoinKey::left).toList());
    }

    @Override
    public String kind() {
      return "anti_join";
    }
  }

  /**
   * Keeps a share of all rows, by a hash of their keys, without weights.
   *
   * @param keep the share kept, in (0, 1]
   * @param by key columns, rows with equal keys stay or go together; empty: the row identity
   * @param salt of the hash
   * @param resample whether each epoch draws anew
   */
  record Sample(double keep, List<String> by, String salt, Resample resample) implements Step {
    public Sample {
      by = List.copyOf(by);
      Checks.share("keep", keep);
      Checks.names("by", by);
    }

    /** A share of the rows, drawn once by row identity. */
    public static Sample keeping(double share) {
      return new Sample(share, List.of(), "sample", Resample.ONCE);
    }

    /** This step with another share, in (0, 1]. */
    public Sample keep(double share) {
      return new Sample(share, by, salt, resample);
    }

    /** This step by these key columns and no others. */
    public Sample by(String... columns) {
      return new Sample(keep, List.of(columns), salt, resample);
    }

    /** This step with a hash of its own. */
    public Sample salt(String text) {
      return new Sample(keep, by, text, resample);
    }

    /** This step drawn once, or anew in each epoch. */
    public Sample resample(Resample when) {
      return new Sample(keep, by, salt, when);
    }

    @Override
    public String kind() {
      return "sample";
    }
  }

  /**
   * Repeats rows, each copy behind the other.
   *
   * @param where only rows for which this is TRUE are repeated; null: all rows
   * @param repeat times that they are there afterwards, &gt; 0
   * @param copy name of a new int64 column for the number of the copy, from 0; null: none
   */
  record Upsample(@Nullable String where, int repeat, @Nullable String copy) implements Step {
    public Upsample {
      if (copy != null) {
        Checks.filled("copy", copy);
      }
      if (where != null) {
        Checks.expression("where", where);
      }
      Checks.positive("repeat", repeat);
    }

    /** This step on the rows for which the condition is TRUE. */
    public Upsample where(String condition) {
      return new Upsample(condition, repeat, copy);
    }

    /** This step with another number of times. */
    Upsample repeat(int times) {
      return new Upsample(where, times, copy);
    }

    /** This step with a column for the number of the copy. */
    public Upsample copy(String column) {
      return new Upsample(where, repeat, column);
    }

    @Override
    public String kind() {
      return "upsample";
    }
  }

  /**
   * Keeps the rows of one of several parts, by a hash of their keys: no key is in two parts. Rows
   * of no part, where the shares sum to less than 1, are dropped.
   *
   * @param by key columns; empty: the row identity
   * @param parts names and shares in their order, summing to at most 1
   * @param part the one whose rows are kept; null: the one named as the dataset is, which a
   *     finished dataset says
   * @param salt of the hash
   */
  record Split(List<String> by, List<Part> parts, @Nullable String part, String salt)
      implements Step {
    private static final double ROUNDING = 1e-9;

    public Split {
      by = List.copyOf(by);
      parts = List.copyOf(parts);
      Checks.names("by", by);
      Checks.someNames("parts", parts.stream().map(Part::name).toList());
      double sum = parts.stream().mapToDouble(Part::share).sum();
      if (sum > 1 + ROUNDING) {
        throw LastmileException.user(
            "parts", "Invalid parts: they sum to " + Checks.sum(sum) + " (must be at most 1)");
      }
    }

    /** Parts by row identity. */
    public static Split into(Part... parts) {
      return new Split(List.of(), List.of(parts), null, "split");
    }

    /** This step by these key columns and no others. */
    public Split by(String... columns) {
      return new Split(List.of(columns), parts, part, salt);
    }

    /** This step into these parts and no others. */
    Split parts(List<Part> others) {
      return new Split(by, others, part, salt);
    }

    /** This step keeping the rows of a part. */
    public Split part(String name) {
      return new Split(by, parts, name, salt);
    }

    /** This step with a hash of its own. */
    public Split salt(String text) {
      return new Split(by, parts, part, text);
    }

    /** This step keeping the rows of the part that it names, else of the one of this name. */
    Split resolved(String dataset) {
      String name = part == null ? dataset : part;
      List<String> names = parts.stream().map(Part::name).toList();
      if (names.contains(name)) {
        return part(name);
      }
      String known = " (must be one of " + String.join(", ", names) + ")";
      throw part == null
          ? LastmileException.user(
              "part",
              "Missing part: no part is named \"" + dataset + "\" as the dataset is" + known)
          : LastmileException.user("part", "Unknown part \"" + name + "\"" + known);
    }

    @Override
    public String kind() {
      return "split";
    }

    /**
     * The hashes of the rows that are kept: the sum of the shares before the part, and with it; 1
     * and above where the parts sum to 1 and it is the last.
     */
    public Range range() {
      double low = 0;
      for (int i = 0; i < parts.size(); i++) {
        double high = low + parts.get(i).share();
        if (parts.get(i).name().equals(part)) {
          boolean last = i == parts.size() - 1 && high > 1 - ROUNDING;
          return new Range(low, last ? Double.POSITIVE_INFINITY : high);
        }
        low = high;
      }
      throw new IllegalStateException("No part " + part);
    }

    /** A part and its share of the keys, in (0, 1]. */
    public record Part(String name, double share) {
      public Part {
        Checks.share(name, share);
      }
    }

    /** Hashes from low to below high. */
    public record Range(double low, double high) {}
  }

  /** Ends the epoch after so many rows of the global row sequence. The last step only. */
  record Limit(long rows) implements Step {
    public Limit {
      Checks.positive("limit", rows);
    }

    @Override
    public String kind() {
      return "limit";
    }
  }

  /**
   * Stands for a step with a mistake where mistakes are kept, so that the others stay what they
   * are; an experiment with such a step cannot be planned.
   *
   * @param kind of the step, as far as it is known; empty: any
   * @param columns names and patterns of those that the step may have added or changed
   */
  record Unread(String kind, List<String> columns) implements Step {
    public Unread {
      columns = List.copyOf(columns);
    }
  }

  /** Whether a sampling step draws the same rows every epoch. */
  enum Resample implements Worded {
    ONCE,
    EACH_EPOCH
  }
}
