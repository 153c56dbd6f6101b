package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Engine;
import io.lastmile.query.Expressions;
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

/** The small tables of map-side joins, loaded into the engine once and shared by all workers. */
final class KeyTables {
  private final Engine engine;
  private final Session session;
  private final Path folder;
  private final Scratch scratch;
  private final String prefix;
  private final List<ParquetTable> tables = new ArrayList<>();

  /**
   * The tables of one dataset.
   *
   * @param engine that holds them
   * @param session of the planner
   * @param folder that relative paths start from
   * @param scratch for tables that are converted
   * @param prefix of their names in the engine
   */
  KeyTables(Engine engine, Session session, Path folder, Scratch scratch, String prefix) {
    this.engine = engine;
    this.session = session;
    this.folder = folder;
    this.scratch = scratch;
    this.prefix = prefix;
  }

  /** The tables loaded so far. */
  List<ParquetTable> tables() {
    return List.copyOf(tables);
  }

  /**
   * The condition that the keys of a row are in the table of the step; FALSE where one of them is
   * null.
   */
  Binding membership(Step.AntiJoin join, int step, Scope scope, String element) {
    ParquetTable table =
        ParquetTable.open(
            engine, join.table(), folder, element + "." + join.table().kind(), 1, scratch);
    tables.add(table);
    Scope tableScope = scope(table);
    List<String> left = new ArrayList<>();
    List<String> right = new ArrayList<>();
    Set<String> sources = new LinkedHashSet<>();
    for (Step.AntiJoin.Key key : join.on()) {
      Binding mine = scope.named(key.left(), element + ".on");
      Binding other = tableScope.named(key.right(), element + ".on");
      if (!Types.comparable(mine.type(), other.type())) {
        throw LastmileException.user(
            element + ".on",
            "Invalid key: \""
                + key.left()
                + "\" is "
                + mine.type().sql()
                + ", but \""
                + key.right()
                + "\" of the table is "
                + other.type().sql());
      }
      left.add(mine.sql());
      right.add(Expressions.quote(key.right()));
      sources.addAll(mine.sources());
    }
    String name = Expressions.quote(prefix + step);
    load(name, table, right);
    String in = tuple(left) + " IN (SELECT " + String.join(", ", right) + " FROM " + name + ")";
    return new Binding(
        "(" + in + ") IS TRUE", new ColumnType.Scalar(ColumnType.Kind.BOOLEAN), null, sources);
  }

  private void load(String name, ParquetTable table, List<String> keys) {
    String notNull =
        keys.stream().map(key -> key + " IS NOT NULL").collect(Collectors.joining(" AND "));
    session.execute(
        "CREATE TABLE "
            + name
            + " AS SELECT DISTINCT "
            + String.join(", ", keys)
            + " FROM "
            + SplitQuery.scan(table.files())
            + " WHERE "
            + notNull);
  }

  private static String tuple(List<String> expressions) {
    return expressions.size() == 1
        ? "(" + expressions.getFirst() + ")"
        : expressions.stream().collect(Collectors.joining(", ", "(", ")"));
  }

  private static Scope scope(ParquetTable table) {
    Map<String, Binding> columns = new LinkedHashMap<>();
    for (TableColumn column : table.columns()) {
      columns.put(column.name(), SplitQuery.column(column));
    }
    return new Scope(columns);
  }
}
