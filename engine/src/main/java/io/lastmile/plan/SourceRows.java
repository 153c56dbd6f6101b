package io.lastmile.plan;

import io.lastmile.dataset.Shuffle;
import io.lastmile.dataset.Source;
import io.lastmile.dataset.Step;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.Selection;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows of the source of a dataset, also of what the dataset does not read: found by their file and
 * number, or by a condition. Used by one thread.
 */
public final class SourceRows {
  private static final String ROW = "--row";
  private static final String WHERE = "--where";
  private static final Level ALL = new Level(List.of(), null);

  private final DatasetPlan plan;
  private final Session session;
  private final ParquetTable table;
  private final List<Split> splits;
  private final SplitQuery query;

  /** By the relative path: the ordinal of the file in the plan's table. */
  private final Map<String, Integer> read = new HashMap<>();

  private SourceRows(DatasetPlan plan, Session session, ParquetTable table, SplitQuery query) {
    this.plan = plan;
    this.session = session;
    this.table = table;
    this.query = query;
    this.splits = new Splits(table.files(), new Shuffle.None(), 0).of(0);
    for (int i = 0; i < plan.table().files().size(); i++) {
      read.put(plan.table().files().get(i).relative(), i);
    }
  }

  /**
   * A row of the source.
   *
   * @param file it lies in
   * @param rowGroup of the file
   * @param number of the row in the file, from 0
   * @param identity of the row in the dataset's plan; null: its row group is not read
   */
  public record Row(TableFile file, RowGroup rowGroup, long number, @Nullable Long identity) {}

  /** Rows that the dataset reads. */
  private static SourceRows ofRead(DatasetPlan plan, Session session) {
    return new SourceRows(
        plan, session, plan.table(), new SplitQuery(List.of(), List.of(ALL), List.of()));
  }

  private static SourceRows ofAll(JobPlan job, DatasetPlan plan, Session session) {
    return new SourceRows(
        plan,
        session,
        opened(job, plan, Selection.ALL),
        new SplitQuery(List.of(), List.of(ALL), List.of()));
  }

  private static ParquetTable opened(JobPlan job, DatasetPlan plan, Selection selection) {
    if (!(plan.dataset().source() instanceof Source.Files files)) {
      throw new IllegalStateException("a table without files");
    }
    return ParquetTable.open(
        job.engine(),
        files,
        job.experiment().origin().folder(),
        "datasets." + plan.name() + ".source." + files.kind(),
        job.experiment().cluster().workers(),
        job.scratch(),
        selection);
  }

  /**
   * Finds a row by its file and number.
   *
   * @param file as its row identity names it, or a path, from the experiment's folder or this one
   * @param number in the file, from 0
   * @return where it is; {@link #row} has it
   * @throws LastmileException of kind USER when there is none
   */
  public static SourceRows at(
      JobPlan job, DatasetPlan plan, Session session, String file, long number) {
    SourceRows known = ofRead(plan, session);
    Path folder = job.experiment().origin().folder();
    TableFile found = known.file(file, folder);
    boolean isRead = found != null && rowGroup(found, number) != null;
    return isRead || !plan.isPruned() ? known : ofAll(job, plan, session);
  }

  /**
   * The row with a number in a file.
   *
   * @param folder where relative paths start
   * @throws LastmileException of kind USER when there is none
   */
  public Row row(String name, Path folder, long number) {
    TableFile file = file(name, folder);
    if (file == null) {
      List<String> names = table.files().stream().map(TableFile::relative).toList();
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid %s: dataset \"%s\" has no file \"%s\"%s"
              .formatted(ROW, plan.name(), name, Nearest.hint(name, names)));
    }
    RowGroup group = rowGroup(file, number);
    if (group == null) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid %s: row %d of %s (it has %s, from 0)"
              .formatted(ROW, number, file.path(), Counted.of(file.rows(), "row")));
    }
    return row(file, number, group);
  }

  private @Nullable TableFile file(String name, Path folder) {
    Path here = Path.of(name).toAbsolutePath().normalize();
    Path there = folder.resolve(name).toAbsolutePath().normalize();
    return table.files().stream()
        .filter(file ->
            file.relative().equals(name) || file.path().equals(here) || file.path().equals(there))
        .findFirst()
        .orElse(null);
  }

  private static @Nullable RowGroup rowGroup(TableFile file, long number) {
    return file.rowGroups().stream()
        .filter(group -> number >= group.firstRow() && number < group.firstRow() + group.rows())
        .findFirst()
        .orElse(null);
  }

  private Row row(TableFile file, long number, RowGroup group) {
    Integer ordinal = read.get(file.relative());
    if (ordinal != null) {
      RowGroup same = rowGroup(plan.table().files().get(ordinal), number);
      if (same != null) {
        long identity = ((long) ordinal << SplitQuery.NUMBER_BITS) + number;
        return new Row(file, same, number, identity);
      }
    }
    return new Row(file, group, number, null);
  }

  /**
   * Rows for which a condition is TRUE: those of {@link #query} in {@link #splits}, which are what
   * the statistics and partitions of the files do not rule out.
   *
   * @param condition over the columns of the source
   * @throws LastmileException of kind USER when it is no such condition
   */
  public static SourceRows where(JobPlan job, DatasetPlan plan, Session session, String condition) {
    Scope scope = SplitQuery.scope(plan.table());
    String schema = Expressions.quote("source of " + plan.name());
    EmptyTable columns = new EmptyTable(session, schema, plan.table(), condition);
    Binding bound =
        new Checker(session, schema, columns::complete).condition(condition, scope, WHERE);
    Pruning pruning = Pruning.of(session, List.of(new Step.Filter(condition)));
    ParquetTable table =
        plan.isPruned() || plan.dataset().source() instanceof Source.Parquet
            ? pruning.rowGroups(opened(job, plan, pruning.selection()))
            : plan.table();
    DropStep others =
        new DropStep(0, "where", "(" + bound.sql() + ") IS NOT TRUE", "''", bound.sources());
    List<Level> levels = List.of(new Level(List.of(others), null));
    return new SourceRows(
        plan, session, table, new SplitQuery(List.of(), levels, List.copyOf(bound.sources())));
  }

  /** A split of each row group that may have such rows, in the order of the files. */
  public List<Split> splits() {
    return splits;
  }

  /** The query of the rows of a split. */
  public SplitQuery query() {
    return query;
  }

  /**
   * The row of an identity that {@link #query} gave.
   *
   * @param split it is of
   */
  public Row row(Split split, long identity) {
    Split.Part part = split.parts().getFirst();
    long number = identity & ((1L << SplitQuery.NUMBER_BITS) - 1);
    return row(part.file(), number, part.rowGroup());
  }

  /** The values of columns of the source of some of its rows, as text, of lists one by one. */
  public List<List<@Nullable Object>> values(List<Row> rows, List<SampleColumn> columns) {
    Scope scope = SplitQuery.scope(plan.table());
    List<String> texts = new ArrayList<>();
    for (SampleColumn column : columns) {
      texts.add(TraceQuery.text(column, scope.named(column.name(), column.name())));
    }
    List<String> sources = columns.stream().map(SampleColumn::name).toList();
    SplitQuery values = new SplitQuery(texts, List.of(ALL), sources);
    List<List<@Nullable Object>> all = new ArrayList<>();
    for (Row row : rows) {
      RowGroup alone = row.rowGroup().some(row.number() - row.rowGroup().firstRow(), 1);
      Split split = new Split(0, 0, List.of(new Split.Part(row.file(), 0, alone)));
      List<@Nullable Object> found = session.rows(values.sql(split)).getFirst();
      all.add(new ArrayList<>(found.subList(0, texts.size())));
    }
    return all;
  }
}
