package io.lastmile.plan;

import io.lastmile.dataset.ByteSize;
import io.lastmile.dataset.JoinKey;
import io.lastmile.dataset.SmallTable;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Engine;
import io.lastmile.query.Expressions;
import io.lastmile.query.Lookup;
import io.lastmile.query.Session;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.Scratch;
import io.lastmile.source.TableColumn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The small tables of map-side joins: each read once and shared by all datasets and workers. Used
 * by the planner's thread.
 */
final class SmallTables {
  private final Engine engine;
  private final Session session;
  private final Path folder;
  private final Scratch scratch;
  private final long limit;
  private final Map<String, Lookup> loaded = new LinkedHashMap<>();

  /**
   * No tables yet.
   *
   * @param engine whose queries find their rows
   * @param session of the planner
   * @param folder that relative paths start from
   * @param scratch for tables that are converted
   * @param limit of all of them together, in bytes
   */
  SmallTables(Engine engine, Session session, Path folder, Scratch scratch, long limit) {
    this.engine = engine;
    this.session = session;
    this.folder = folder;
    this.scratch = scratch;
    this.limit = limit;
  }

  /** Bytes of all tables loaded so far. */
  long bytes() {
    return loaded.values().stream().mapToLong(Lookup::bytes).sum();
  }

  /** Opens the files of a table, or its values, without reading its rows. */
  Opened open(SmallTable table, String element) {
    return switch (table.rows()) {
      case SmallTable.Stored stored -> {
        ParquetTable files =
            ParquetTable.open(
                engine,
                stored.source(),
                folder,
                element + "." + stored.source().kind(),
                1,
                scratch);
        String scan = SplitQuery.scan(files.files());
        yield opened(table, files, scan, SplitQuery.scope(files), element);
      }
      case SmallTable.Inline inline -> {
        String values = values(inline);
        Map<String, Binding> columns = new LinkedHashMap<>();
        session
            .describe("SELECT * FROM " + values)
            .forEach(column ->
                columns.put(
                    column.name(),
                    new Binding(
                        Expressions.quote(column.name()),
                        column.type(),
                        null,
                        Set.of(column.name()))));
        yield opened(table, null, values, new Scope(columns), element);
      }
    };
  }

  private Opened opened(
      SmallTable table, @Nullable ParquetTable files, String from, Scope scope, String element) {
    String filter = table.filter();
    String where = "";
    if (filter != null) {
      Checker checker = new Checker(session, "(SELECT * FROM " + from + ")");
      where = " WHERE " + checker.condition(filter, scope, element + ".filter").sql();
    }
    return new Opened(files, from, where, scope);
  }

  private static String values(SmallTable.Inline inline) {
    List<String> rows = new ArrayList<>();
    List<SmallTable.Column> columns = inline.columns();
    for (int row = 0; row < columns.getFirst().values().size(); row++) {
      List<String> values = new ArrayList<>();
      for (SmallTable.Column column : columns) {
        values.add(literal(column, column.values().get(row)));
      }
      rows.add("(" + String.join(", ", values) + ")");
    }
    String names =
        columns.stream()
            .map(column -> Expressions.quote(column.name()))
            .collect(Collectors.joining(", "));
    return "(VALUES " + String.join(", ", rows) + ") AS inline(" + names + ")";
  }

  private static String literal(SmallTable.Column column, @Nullable Object value) {
    String type =
        switch (column.first()) {
          case Long _ -> "BIGINT";
          case Double _ -> "DOUBLE";
          case Boolean _ -> "BOOLEAN";
          default -> "VARCHAR";
        };
    String text = value instanceof String string ? Expressions.literal(string) : "" + value;
    return "CAST(" + (value == null ? "NULL" : text) + " AS " + type + ")";
  }

  /**
   * Finds the rows of a table by the keys of a dataset's rows.
   *
   * @param columns of the table to take
   * @param unique whether keys that come again are an error
   * @param scope of the dataset
   */
  Found find(
      Opened table,
      List<JoinKey> on,
      List<String> columns,
      boolean unique,
      Scope scope,
      String element) {
    List<String> mine = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    Set<String> sources = new LinkedHashSet<>();
    for (JoinKey key : on) {
      Binding left = scope.named(key.left(), element + ".on");
      Binding right = table.scope.named(key.right(), element + ".on");
      String form = form(key, left.type(), right.type(), element + ".on");
      mine.add(form.formatted(left.sql()));
      keys.add(form.formatted(right.sql()));
      sources.addAll(left.sources());
    }
    List<String> selected = new ArrayList<>(keys);
    columns.forEach(column -> selected.add(Expressions.quote(column)));
    String sql = "SELECT " + String.join(", ", selected) + " FROM " + table.from + table.where;
    Lookup lookup = loaded.get(sql + unique);
    if (lookup == null) {
      lookup = load(sql, keys.size(), unique, table, on, element);
      loaded.put(sql + unique, lookup);
    }
    return new Found(lookup, lookup.find(mine), sources);
  }

  private Lookup load(
      String sql, int keys, boolean unique, Opened table, List<JoinKey> on, String element) {
    try {
      return Lookup.load(
          engine, session, Integer.toString(loaded.size()), sql, keys, unique, limit - bytes());
    } catch (Lookup.RefusedException e) {
      throw e.row() < 0 ? tooLarge(element) : again(e.row(), table, on, element);
    }
  }

  private LastmileException tooLarge(String element) {
    return LastmileException.user(
        element,
        "The tables of map-side joins need more than their share of the budget, %s (select fewer columns, filter the table, or raise cluster.workers.memory)"
            .formatted(ByteSize.mebibytes(limit)));
  }

  private LastmileException again(long row, Opened table, List<JoinKey> on, String element) {
    String values =
        on.stream()
            .map(key -> "CAST(" + Expressions.quote(key.right()) + " AS VARCHAR)")
            .collect(Collectors.joining(", "));
    List<@Nullable Object> keys =
        session
            .rows(
                "SELECT " + values + " FROM " + table.from + table.where + " LIMIT 1 OFFSET " + row)
            .getFirst();
    List<String> named = new ArrayList<>();
    for (int i = 0; i < on.size(); i++) {
      named.add(on.get(i).right() + " = " + keys.get(i));
    }
    return LastmileException.user(
        element,
        "Duplicate key in %s: %s (match: first takes its first row)"
            .formatted(table.place(), String.join(", ", named)));
  }

  /** How values of both sides are written so that equal keys have equal bytes. */
  private static String form(JoinKey key, ColumnType left, ColumnType right, String element) {
    String form = Types.keyForm(left, right);
    if (form == null) {
      throw LastmileException.user(
          element,
          "Invalid key: \"%s\" is %s, but \"%s\" of the table is %s%s"
              .formatted(
                  key.left(),
                  left.sql(),
                  key.right(),
                  right.sql(),
                  left.equals(right) ? " (cast both)" : ""));
    }
    return form;
  }

  /**
   * A small table whose columns are known.
   *
   * @param files that it lies in; null: its values are written in the experiment
   * @param from SQL to select from
   * @param where SQL of its own filter, or nothing
   * @param scope its columns
   */
  record Opened(@Nullable ParquetTable files, String from, String where, Scope scope) {
    /** Where it is, for a message. */
    String place() {
      return files == null ? "values" : files.files().getFirst().path().toString();
    }

    /** The number of values in a list column where the files say so. */
    @Nullable Integer fixedLength(String column) {
      return files == null
          ? null
          : files.columns().stream()
              .filter(each -> each.name().equals(column))
              .findFirst()
              .map(TableColumn::fixedLength)
              .orElse(null);
    }
  }

  /**
   * Rows of a small table, found.
   *
   * @param lookup the table in memory
   * @param number SQL of the number of the row with the keys; null where there is none
   * @param sources columns of the dataset's source that the keys read
   */
  record Found(Lookup lookup, String number, Set<String> sources) {
    Binding missing() {
      return bound(number + " IS NULL");
    }

    Binding there() {
      return bound(number + " IS NOT NULL");
    }

    private Binding bound(String sql) {
      return new Binding(sql, new ColumnType.Scalar(ColumnType.Kind.BOOLEAN), null, sources);
    }
  }
}
