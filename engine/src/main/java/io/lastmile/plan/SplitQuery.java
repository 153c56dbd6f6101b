package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import io.lastmile.source.FileColumns;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.TableColumn;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The one query of a split: its row groups in file order, the row identity beside them, every drop
 * counted, every output computed on the rows that stay.
 *
 * @param outputs SQL of each result column
 * @param levels of the steps that drop or copy rows, at least one
 * @param sources columns of the source that are read
 */
public record SplitQuery(List<String> outputs, List<Level> levels, List<String> sources) {
  /**
   * Bits of the row identity that hold the row number in its file; the bits above hold the file's
   * ordinal in the table.
   */
  public static final int NUMBER_BITS = 40;

  static final Binding IDENTITY_PATH =
      new Binding("lastmile_path", new ColumnType.Scalar(Kind.VARCHAR), null, Set.of());
  static final Binding IDENTITY_NUMBER =
      new Binding("lastmile_number", new ColumnType.Scalar(Kind.BIGINT), null, Set.of());

  static final String IDENTITY = "lastmile_row";

  /**
   * A column that keeps the order: behind a join the engine's operators hold small results back and
   * let later ones pass, except where rows carry a list.
   */
  private static final String ORDER = "lastmile_order";

  /** How the names begin that the query adds to its rows. */
  private static final String OWN = "lastmile_";

  /** The step of a level that drops a row, in {@link #levelSql}. */
  static final String DROPPED = "lastmile_dropped";

  private static final String COPY = "lastmile_copy_";
  private static final int COPY_BITS = 63;

  public SplitQuery {
    outputs = List.copyOf(outputs);
    levels = List.copyOf(levels);
    sources = List.copyOf(sources);
  }

  static SplitQuery of(Outputs outputs, Stage stage, List<TableColumn> columns) {
    Set<String> used = new LinkedHashSet<>(outputs.sources());
    for (Level level : stage.levels()) {
      level.drops().forEach(drop -> used.addAll(drop.sources()));
      if (level.copies() != null) {
        used.addAll(level.copies().sources());
      }
    }
    List<String> inFileOrder =
        columns.stream().map(TableColumn::name).filter(used::contains).toList();
    return new SplitQuery(outputs.sql(), stage.levels(), inFileOrder);
  }

  /** The steps that drop rows, in order. */
  public List<DropStep> drops() {
    return levels.stream().flatMap(level -> level.drops().stream()).toList();
  }

  /** The steps that make several rows of one, in order. */
  public List<CopyStep> copies() {
    return levels.stream().map(Level::copies).filter(Objects::nonNull).toList();
  }

  /** The row identity of the first row of a row group. */
  public static long identity(Split.Part part) {
    return ((long) part.fileOrdinal() << NUMBER_BITS) + part.rowGroup().firstRow();
  }

  /** Whether other epochs may keep other rows. */
  public boolean dependsOnEpoch() {
    return drops().stream().anyMatch(drop -> drop.condition().contains(StepCompiler.EPOCH));
  }

  /** The same with only some outputs and the first steps: for finding the one that fails. */
  public SplitQuery only(List<String> someOutputs, int firstDrops) {
    List<Level> some = new ArrayList<>();
    int left = firstDrops;
    for (Level level : levels) {
      int here = Math.min(left, level.drops().size());
      left -= here;
      boolean last = left == 0 && (firstDrops < drops().size() || level.copies() == null);
      some.add(new Level(level.drops().subList(0, here), last ? null : level.copies()));
      if (last) {
        break;
      }
    }
    return new SplitQuery(someOutputs, some, sources);
  }

  /** How many counters {@code lastmile_kept} needs: for each level, of rows kept and dropped. */
  public int counters() {
    return levels.size() + drops().size();
  }

  /**
   * What became of the rows of a split.
   *
   * @param counters that its query counted
   * @param kept rows that it gave
   */
  public Tally tally(long[] counters, long kept) {
    if (!counts()) {
      return new Tally(kept, List.of(), List.of(), kept);
    }
    List<Long> added = new ArrayList<>();
    List<Long> dropped = new ArrayList<>();
    long read = 0;
    long stayed = 0;
    int at = 0;
    for (int level = 0; level < levels.size(); level++) {
      long here = counters[at];
      long staying = counters[at++];
      for (int i = 0; i < levels.get(level).drops().size(); i++) {
        here += counters[at];
        dropped.add(counters[at++]);
      }
      if (level == 0) {
        read = here;
      } else {
        added.add(here - stayed);
      }
      stayed = staying;
    }
    return new Tally(read, added, dropped, stayed);
  }

  private boolean counts() {
    return counters() > 1;
  }

  /** The number of a copy that the step at the end of a level makes, from 0. */
  static Binding copyNumber(int level) {
    return new Binding(COPY + level, new ColumnType.Scalar(Kind.BIGINT), null, Set.of());
  }

  /** The column of an element of a list that the step at the end of a level takes apart. */
  static String element(int level, int list) {
    return "lastmile_element_" + level + "_" + list;
  }

  /** The columns of a table, as the query reads them. */
  static Scope scope(ParquetTable table) {
    Map<String, Binding> columns = new LinkedHashMap<>();
    for (TableColumn column : table.columns()) {
      columns.put(column.name(), column(column));
    }
    return new Scope(columns);
  }

  /** Whether a source with a column of this name could not be read, whatever its case. */
  static boolean reserves(String column) {
    return column.regionMatches(true, 0, OWN, 0, OWN.length())
        || column.equalsIgnoreCase("file_row_number");
  }

  private static Binding column(TableColumn column) {
    return new Binding(
        Expressions.quote(column.name()),
        column.type(),
        column.fixedLength(),
        Set.of(column.name()));
  }

  /** Scans whole files: something to select all columns of the table from, in order. */
  static String scan(List<TableFile> files) {
    if (files.stream().allMatch(file -> file.columns().equals(FileColumns.SAME))) {
      return scanAlike(files);
    }
    List<String> scans = new ArrayList<>();
    int from = 0;
    for (int i = 1; i <= files.size(); i++) {
      FileColumns columns = files.get(from).columns();
      if (i == files.size() || !files.get(i).columns().equals(columns)) {
        scans.add("SELECT " + columns.items() + " FROM " + scanAlike(files.subList(from, i)));
        from = i;
      }
    }
    return "(" + String.join(" UNION ALL BY NAME ", scans) + ")";
  }

  private static String scanAlike(List<TableFile> files) {
    return files.stream()
        .map(file -> Expressions.file(file.data()))
        .collect(Collectors.joining(", ", "read_parquet([", "], hive_partitioning=false)"));
  }

  /** Index of the row identity among the result columns. */
  public int identity() {
    return outputs.size() + (copies().isEmpty() ? 0 : 1);
  }

  /** Index of the copy number among the result columns; it is there where steps copy rows. */
  public int copyNumber() {
    return outputs.size();
  }

  /**
   * The SQL of a split. Its rows come in the order of their identity; {@code lastmile_kept} counts
   * rows by the step that dropped them, 0 for none.
   */
  public String sql(Split split) {
    StringBuilder sql = new StringBuilder("SELECT ");
    for (String output : outputs) {
      sql.append(output).append(", ");
    }
    if (!copies().isEmpty()) {
      sql.append(wholeCopyNumber()).append(", ");
    }
    sql.append(IDENTITY)
        .append(", ")
        .append(ORDER)
        .append("\nFROM ")
        .append(rows(split, levels.size()));
    return sql.toString().replace(StepCompiler.EPOCH, Long.toString(split.epoch()));
  }

  /**
   * The SQL of some items, or aggregates, of all rows of a split that reach a level.
   *
   * @param level its index
   * @param items over the columns of the level and {@code lastmile_dropped}: 0 for a row that
   *     stays, else the number, from 1, of the step of the level that drops it
   */
  String levelSql(Split split, int level, List<String> items) {
    String sql =
        "SELECT "
            + String.join(", ", items)
            + "\nFROM (\nSELECT *, "
            + dropCode(levels.get(level).drops())
            + " AS "
            + DROPPED
            + "\nFROM "
            + rows(split, level)
            + "\n)";
    return sql.replace(StepCompiler.EPOCH, Long.toString(split.epoch()));
  }

  /** The rows that the first levels leave. */
  private String rows(Split split, int firstLevels) {
    String rows =
        "(\n  " + String.join("\n  UNION ALL\n  ", ranges(split.parts())) + "\n) AS source";
    int counter = 0;
    for (int i = 0; i < firstLevels; i++) {
      Level level = levels.get(i);
      if (counts()) {
        rows += "\nWHERE lastmile_kept(" + counter + ", " + dropCode(level.drops()) + ")";
      }
      counter += 1 + level.drops().size();
      CopyStep copies = level.copies();
      if (copies != null) {
        rows = "(\nSELECT *" + unnested(copies, i) + "\nFROM " + rows + "\n) AS level_" + (i + 1);
      }
    }
    return rows;
  }

  private static String unnested(CopyStep copies, int level) {
    StringBuilder sql = new StringBuilder();
    copies
        .elements()
        .forEach(
            (column, list) -> sql.append(", unnest(").append(list).append(") AS ").append(column));
    return sql.append(", unnest(range(CAST((")
        .append(copies.count())
        .append(") AS BIGINT))) AS ")
        .append(COPY)
        .append(level)
        .toString();
  }

  /** The copy numbers of a row, one for each step that makes copies, from the one int64 of all. */
  public List<Long> copyNumbers(long whole) {
    List<Long> numbers = new ArrayList<>();
    int count = copies().size();
    int bits = count == 0 ? 0 : COPY_BITS / count;
    for (int level = 0; level < count; level++) {
      long above = whole >>> (bits * (count - 1 - level));
      numbers.add(level == 0 ? above : above & ((1L << bits) - 1));
    }
    return numbers;
  }

  /** Several copy numbers of a row as one int64, the first in the highest bits. */
  private String wholeCopyNumber() {
    int count = copies().size();
    int bits = COPY_BITS / count;
    String whole = COPY + 0;
    for (int level = 1; level < count; level++) {
      whole =
          "(%s * %d + CASE WHEN %s < %d THEN %s ELSE error('more than %d copies of a row') END)"
              .formatted(whole, 1L << bits, COPY + level, 1L << bits, COPY + level, 1L << bits);
    }
    return whole;
  }

  /**
   * The SQL that reads the same columns of one row group and does nothing with them: fails where
   * the file cannot be read.
   */
  public String probe(Split.Part part) {
    List<String> items = new ArrayList<>(List.of("file_row_number"));
    sources.forEach(source -> items.add(part.file().columns().item(source)));
    return "SELECT "
        + String.join(", ", items)
        + " FROM "
        + file(part)
        + " WHERE "
        + between(part, part);
  }

  private static String dropCode(List<DropStep> drops) {
    if (drops.isEmpty()) {
      return "0";
    }
    StringBuilder code = new StringBuilder("CASE");
    for (int i = 0; i < drops.size(); i++) {
      code.append("\n  WHEN ").append(drops.get(i).condition()).append(" THEN ").append(i + 1);
    }
    return code.append("\n  ELSE 0 END").toString();
  }

  private List<String> ranges(List<Split.Part> parts) {
    List<String> ranges = new ArrayList<>();
    int from = 0;
    for (int i = 1; i <= parts.size(); i++) {
      if (i == parts.size() || !follows(parts.get(i - 1), parts.get(i))) {
        ranges.add(range(parts.get(from), parts.get(i - 1)));
        from = i;
      }
    }
    return ranges;
  }

  private static boolean follows(Split.Part part, Split.Part next) {
    return part.fileOrdinal() == next.fileOrdinal()
        && part.rowGroup().ordinal() + 1 == next.rowGroup().ordinal();
  }

  private String range(Split.Part first, Split.Part last) {
    StringBuilder sql = new StringBuilder("SELECT ");
    for (String source : sources) {
      sql.append(first.file().columns().item(source)).append(", ");
    }
    sql.append((long) first.fileOrdinal() << NUMBER_BITS)
        .append(" + file_row_number AS ")
        .append(IDENTITY)
        .append(", []::BIGINT[] AS ")
        .append(ORDER);
    if (drops().stream().anyMatch(drop -> drop.condition().contains(IDENTITY_PATH.sql()))) {
      sql.append(", ")
          .append(Expressions.literal(first.file().relative()))
          .append(" AS ")
          .append(IDENTITY_PATH.sql());
      sql.append(", file_row_number AS ").append(IDENTITY_NUMBER.sql());
    }
    return sql.append(" FROM ")
        .append(file(first))
        .append(" WHERE ")
        .append(between(first, last))
        .toString();
  }

  private static String file(Split.Part part) {
    return "read_parquet("
        + Expressions.file(part.file().data())
        + ", file_row_number=true, hive_partitioning=false)";
  }

  private static String between(Split.Part first, Split.Part last) {
    long end = last.rowGroup().firstRow() + last.rowGroup().rows() - 1;
    return "file_row_number BETWEEN " + first.rowGroup().firstRow() + " AND " + end;
  }
}
