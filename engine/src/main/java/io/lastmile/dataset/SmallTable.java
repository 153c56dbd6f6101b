package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The small side of a map-side join: read whole, once per process, before the first split.
 *
 * @param rows where they come from; files must be readable to the last row group
 * @param filter keeps only its rows for which this SQL condition on its own columns is TRUE; null:
 *     all
 */
public record SmallTable(Rows rows, @Nullable String filter) {
  public SmallTable {
    if (rows instanceof Stored(Source.Parquet files)
        && files.onCorrupt() != Source.OnCorrupt.FAIL) {
      throw LastmileException.user(
          "on_corrupt", "Invalid on_corrupt: skip (the table of a join must be whole)");
    }
    if (filter != null) {
      Checks.expression("filter", filter);
    }
  }

  /** All rows of these Parquet files, globs or folders. */
  public static SmallTable parquet(String... paths) {
    return of(Source.Parquet.of(paths));
  }

  /** All rows of a source. */
  public static SmallTable of(Source.Files source) {
    return new SmallTable(new Stored(source), null);
  }

  /** One column of values: Long, Double, String, Boolean, all of one kind, or null. */
  public static SmallTable values(String column, @Nullable Object... values) {
    List<@Nullable Object> list = new ArrayList<>();
    Collections.addAll(list, values);
    return new SmallTable(new Inline(List.of(new Column(column, list))), null);
  }

  /** This table with one more column of values. */
  public SmallTable and(String column, @Nullable Object... values) {
    if (!(rows instanceof Inline(List<Column> columns))) {
      throw LastmileException.user(
          "values", "Invalid values: \"" + column + "\" (the table comes from files)");
    }
    List<@Nullable Object> list = new ArrayList<>();
    Collections.addAll(list, values);
    return new SmallTable(new Inline(Written.plus(columns, new Column(column, list))), filter);
  }

  /** This table with only the rows for which the SQL condition is TRUE. */
  public SmallTable filter(String condition) {
    return new SmallTable(rows, condition);
  }

  /** Where the rows of a small table come from. */
  public sealed interface Rows {}

  /** Rows in files. */
  public record Stored(Source.Files source) implements Rows {}

  /** Rows written in the experiment itself: columns of one length. */
  public record Inline(List<Column> columns) implements Rows {
    public Inline {
      columns = List.copyOf(columns);
      Checks.someNames("values", columns.stream().map(Column::name).toList());
      int rows = columns.getFirst().values().size();
      for (Column column : columns) {
        if (column.values().size() != rows) {
          throw LastmileException.user(
              "values",
              "Invalid values: \"%s\" has %d, but \"%s\" has %d"
                  .formatted(
                      columns.getFirst().name(), rows, column.name(), column.values().size()));
        }
      }
    }
  }

  /**
   * A column of values.
   *
   * @param values Long, Double, String or Boolean, all of one kind, and null; at least one that is
   *     none
   */
  public record Column(String name, List<@Nullable Object> values) {
    public Column {
      values = Collections.unmodifiableList(new ArrayList<>(values));
      @Nullable Object first = null;
      for (Object value : values) {
        first = first == null ? value : first;
        check(name, first, value);
      }
      if (first == null) {
        throw LastmileException.user(
            name, "Invalid values: \"" + name + "\" has none (must have at least one not null)");
      }
    }

    /** The first value that is not null. */
    public Object first() {
      return values.stream().filter(Objects::nonNull).findFirst().orElseThrow();
    }

    private static void check(String name, @Nullable Object first, @Nullable Object value) {
      if (value == null || first == null) {
        return;
      }
      boolean known =
          value instanceof Long
              || value instanceof Double
              || value instanceof String
              || value instanceof Boolean;
      if (!known || value.getClass() != first.getClass()) {
        throw LastmileException.user(
            name,
            "Invalid values: \"%s\" has %s beside %s (must be all whole numbers, all numbers with a point, all text or all true and false)"
                .formatted(name, value, first));
      }
    }
  }
}
