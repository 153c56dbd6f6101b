package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import io.lastmile.query.Expressions;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The columns of a table after the last step, as they are before any tensor.
 *
 * @param rows the same dataset without tensors and keys: its query gives the row identities alone
 * @param columns in the order of the dataset
 * @param query of a split, which gives the columns too
 */
public record ColumnPlan(DatasetPlan rows, List<Column> columns, SplitQuery query) {
  private static final double UNKNOWN_LENGTH = 32;
  private static final int POINTER_BYTES = 16;
  private static final int OTHER_BYTES = 64;

  /**
   * A column.
   *
   * @param name of it
   * @param sql that gives it, over the columns of the source
   * @param fixedLength of each of its lists; null: they differ, or it has none
   * @param bytes that a row of it takes in the engine, roughly
   */
  public record Column(String name, String sql, @Nullable Integer fixedLength, double bytes) {}

  public ColumnPlan {
    columns = List.copyOf(columns);
  }

  /**
   * The columns of each table of a feed that was planned without tensors and keys; of a mix those
   * that all its datasets have, in the order of the first.
   */
  public static List<ColumnPlan> of(FeedPlan feed) {
    List<String> names = new ArrayList<>(names(feed.tables().getFirst()));
    feed.tables().forEach(table -> names.retainAll(names(table)));
    return feed.tables().stream().map(table -> of(table, names)).toList();
  }

  private static Set<String> names(DatasetPlan rows) {
    return rows.stage().scope().columns().keySet();
  }

  private static ColumnPlan of(DatasetPlan rows, List<String> names) {
    List<Column> columns = new ArrayList<>();
    Outputs outputs = new Outputs();
    for (String name : names) {
      Binding column = rows.stage().scope().named(name, "datasets." + rows.name() + ".source");
      columns.add(
          new Column(
              name,
              column.sql(),
              fixedLength(column),
              bytes(column.type(), meanLength(column, rows.table()))));
      outputs.sources().addAll(column.sources());
    }
    SplitQuery sources = SplitQuery.of(outputs, rows.stage(), rows.table().columns());
    SplitQuery query =
        new SplitQuery(
            columns.stream().map(Column::sql).toList(), sources.levels(), sources.sources());
    return new ColumnPlan(rows, columns, query);
  }

  private static @Nullable Integer fixedLength(Binding column) {
    return column.type() instanceof ColumnType.ArrayOf array
        ? Integer.valueOf(array.length())
        : column.fixedLength();
  }

  private static double meanLength(Binding column, ParquetTable table) {
    Set<String> sources = column.sources();
    if (column.fixedLength() != null) {
      return column.fixedLength();
    }
    long values =
        sources.size() != 1
            ? 0
            : table.files().stream()
                .flatMap(file -> file.rowGroups().stream())
                .mapToLong(group -> group.listValues().getOrDefault(sources.iterator().next(), 0L))
                .sum();
    return values == 0 ? UNKNOWN_LENGTH : (double) values / table.rows();
  }

  private static double bytes(ColumnType type, double length) {
    return switch (type) {
      case ColumnType.Scalar(ColumnType.Kind kind) -> bytes(kind);
      case ColumnType.ListOf(ColumnType element) ->
          POINTER_BYTES + length * bytes(element, UNKNOWN_LENGTH);
      case ColumnType.ArrayOf(ColumnType element, int count) ->
          count * bytes(element, UNKNOWN_LENGTH);
      case ColumnType.Other _ -> OTHER_BYTES;
    };
  }

  private static int bytes(ColumnType.Kind kind) {
    return switch (kind) {
      case BOOLEAN, TINYINT, UTINYINT -> Byte.BYTES;
      case SMALLINT, USMALLINT -> Short.BYTES;
      case INTEGER, UINTEGER, FLOAT, DATE -> Integer.BYTES;
      case BIGINT,
          UBIGINT,
          DOUBLE,
          TIME,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS ->
          Long.BYTES;
      case HUGEINT, DECIMAL -> 2 * Long.BYTES;
      case VARCHAR, BLOB -> 2 * POINTER_BYTES;
    };
  }

  /** Bytes that a row takes in the engine, roughly. */
  public double rowBytes() {
    return columns.stream().mapToDouble(Column::bytes).sum();
  }

  /** The lengths of the columns whose lists all have the same, by name. */
  public Map<String, Integer> fixedLengths() {
    Map<String, Integer> lengths = new LinkedHashMap<>();
    for (Column column : columns) {
      if (column.fixedLength() != null) {
        lengths.put(column.name(), column.fixedLength());
      }
    }
    return lengths;
  }

  /** The first two columns whose names differ at most in case, so that none can be named. */
  public @Nullable List<String> twins() {
    Map<String, String> seen = new HashMap<>();
    for (Column column : columns) {
      String twin = seen.put(column.name().toLowerCase(Locale.ROOT), column.name());
      if (twin != null) {
        return List.of(twin, column.name());
      }
    }
    return null;
  }

  /** The names of the columns in the rows of {@link #sql}. */
  public String places() {
    return IntStream.range(0, columns.size())
        .mapToObj(ColumnPlan::place)
        .collect(Collectors.joining(", "));
  }

  private static String place(int column) {
    return "c" + column;
  }

  /**
   * The rows of a split: its columns by {@link #places}, the copy number {@code lastmile_copy}
   * where steps copy rows, the row identity {@code lastmile_row}, and the column that keeps their
   * order.
   */
  public String sql(Split split) {
    List<String> names = new ArrayList<>(List.of(places()));
    if (!query.copies().isEmpty()) {
      names.add("lastmile_copy");
    }
    names.add("lastmile_row");
    names.add("lastmile_order");
    return "SELECT * FROM (\n"
        + query.sql(split)
        + "\n) AS split("
        + String.join(", ", names)
        + ")";
  }

  /** The row identities of a table of such rows, as the query of {@link #rows} gives them. */
  public String identities(String table) {
    List<String> items = new ArrayList<>(rows.query().outputs());
    if (!query.copies().isEmpty()) {
      items.add("lastmile_copy");
    }
    items.add("lastmile_row");
    return "SELECT " + String.join(", ", items) + " FROM " + table;
  }

  /** The names of the columns that the dataset has and these are not. */
  public List<String> leftOut() {
    List<String> names = new ArrayList<>(names(rows));
    columns.forEach(column -> names.remove(column.name()));
    return names;
  }

  /** A split without a row: its query has the types of all others. */
  public Split nothing() {
    TableFile first = rows.table().files().getFirst();
    RowGroup empty = new RowGroup(0, 0, 0, 0, Map.of(), Map.of());
    return new Split(0, 0, List.of(new Split.Part(first, 0, empty)));
  }

  /** The select list that gives the columns of {@link #sql} their own names. */
  public String named() {
    List<String> items = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      items.add(place(i) + " AS " + Expressions.quote(columns.get(i).name()));
    }
    return String.join(", ", items);
  }
}
