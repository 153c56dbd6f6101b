package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import io.lastmile.source.FileColumns;
import io.lastmile.source.TableColumn;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The one query of a split: its row groups in file order, the row identity beside them, every drop
 * counted, every output computed on the rows that stay.
 *
 * @param outputs SQL of each result column
 * @param drops the steps that drop rows
 * @param sources columns of the source that are read
 */
public record SplitQuery(List<String> outputs, List<DropStep> drops, List<String> sources) {
  /**
   * Bits of the row identity that hold the row number in its file; the bits above hold the file's
   * ordinal in the table.
   */
  public static final int NUMBER_BITS = 40;

  static final Binding IDENTITY_PATH =
      new Binding("lastmile_path", new ColumnType.Scalar(Kind.VARCHAR), null, Set.of());
  static final Binding IDENTITY_NUMBER =
      new Binding("lastmile_number", new ColumnType.Scalar(Kind.BIGINT), null, Set.of());

  private static final String IDENTITY = "lastmile_row";

  /**
   * A column that keeps the order: behind a join the engine's operators hold small results back and
   * let later ones pass, except where rows carry a list.
   */
  private static final String ORDER = "lastmile_order";

  /**
   * The names that a source must not have: the query adds them to its rows, whatever their case.
   */
  private static final Pattern RESERVED =
      Pattern.compile("lastmile_.*|file_row_number", Pattern.CASE_INSENSITIVE);

  public SplitQuery {
    outputs = List.copyOf(outputs);
    drops = List.copyOf(drops);
    sources = List.copyOf(sources);
  }

  static SplitQuery of(Outputs outputs, Stage stage, List<TableColumn> columns) {
    Set<String> used = new LinkedHashSet<>(outputs.sources());
    stage.drops().forEach(drop -> used.addAll(drop.sources()));
    List<String> inFileOrder =
        columns.stream().map(TableColumn::name).filter(used::contains).toList();
    return new SplitQuery(outputs.sql(), stage.drops(), inFileOrder);
  }

  /** The same with only some outputs and steps: for finding the one that fails. */
  public SplitQuery only(List<String> someOutputs, List<DropStep> someDrops) {
    return new SplitQuery(someOutputs, someDrops, sources);
  }

  /** Whether a source with a column of this name could not be read. */
  static boolean reserves(String column) {
    return RESERVED.matcher(column).matches();
  }

  /** A column of the source as it is. */
  static Binding column(TableColumn column) {
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
    sql.append(IDENTITY)
        .append(", ")
        .append(ORDER)
        .append("\nFROM (\n  ")
        .append(String.join("\n  UNION ALL\n  ", ranges(split.parts())))
        .append("\n) AS source");
    if (!drops.isEmpty()) {
      sql.append("\nWHERE lastmile_kept(").append(dropCode()).append(")");
    }
    return sql.toString().replace(StepCompiler.EPOCH, Integer.toString(split.epoch()));
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

  private String dropCode() {
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
    if (drops.stream().anyMatch(drop -> drop.condition().contains(IDENTITY_PATH.sql()))) {
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
