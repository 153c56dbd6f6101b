package io.lastmile.source;

import io.lastmile.dataset.Source;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.ResultColumn;
import io.lastmile.query.Session;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The columns of a table: those that all its files have, or those that any of them has. */
final class Schemas {
  /** As what the engine reads decimals of more digits than it has. */
  private static final String AS_DOUBLE = "DOUBLE";

  private static final Pattern WIDE_DECIMAL =
      Pattern.compile("DECIMAL\\((39|[4-9][0-9]|[0-9]{3,}),[0-9]+\\)");

  private final Session session;
  private final String element;
  private final Format format;

  /**
   * The columns of one source.
   *
   * @param element of the experiment, for errors
   * @param format of its files as the user has them
   */
  Schemas(Session session, String element, Format format) {
    this.session = session;
    this.element = element;
    this.format = format;
  }

  /**
   * The columns of a table, and how each of its files has them.
   *
   * @param columns in the order of their first appearance
   * @param files one for each file
   */
  record Columns(List<TableColumn> columns, List<FileColumns> files) {}

  /** What decides the columns of a file: files written alike are looked at once. */
  private record Shape(String schema, Map<String, Integer> fixedLengths) {
    static Shape of(Footer footer) {
      return new Shape(footer.schema().text(), footer.fixedLengths());
    }
  }

  /** A column of a shape: its type in full, lists of a fixed length with it, and a file with it. */
  private record Found(String name, String type, FoundFile file) {}

  /** The columns of files that must all have the same, in whatever order, or may differ. */
  Columns columns(List<FoundFile> files, List<Footer> footers, Source.Schema rule) {
    check(footers.getFirst(), files.getFirst());
    Map<Shape, Map<String, Found>> shapes = shapes(files, footers);
    if (shapes.size() == 1) {
      return same(files, footers);
    }
    List<Map<String, Found>> tables = List.copyOf(shapes.values());
    if (rule == Source.Schema.STRICT) {
      tables.stream().skip(1).forEach(other -> compare(tables.getFirst(), other));
      return same(files, footers);
    }
    Map<String, String> types = union(tables);
    Map<Shape, FileColumns> adapted = new HashMap<>();
    shapes.forEach((shape, table) -> adapted.put(shape, adapted(table, types)));
    return new Columns(
        described(types, tables),
        footers.stream().map(footer -> adapted.get(Shape.of(footer))).toList());
  }

  private Map<Shape, Map<String, Found>> shapes(List<FoundFile> files, List<Footer> footers) {
    Map<Shape, Map<String, Found>> shapes = new LinkedHashMap<>();
    boolean isOne = footers.stream().map(Shape::of).distinct().limit(2).count() == 1;
    for (int i = 0; i < files.size(); i++) {
      Shape shape = Shape.of(footers.get(i));
      if (!shapes.containsKey(shape)) {
        shapes.put(shape, isOne ? Map.of() : found(files.get(i), footers.get(i)));
      }
    }
    return shapes;
  }

  private Columns same(List<FoundFile> files, List<Footer> footers) {
    Footer first = footers.getFirst();
    Map<String, ColumnType> types = types(files.getFirst(), first);
    List<TableColumn> columns = new ArrayList<>();
    for (int i = 0; i < first.schema().columns().size(); i++) {
      String name = first.schema().columns().get(i);
      ColumnType type = Objects.requireNonNull(types.get(first.schema().kinds().get(i)));
      String wide = first.schema().wideDecimals().get(name);
      columns.add(
          new TableColumn(
              name,
              wide == null ? type : tooWide(name, wide, files.getFirst()),
              first.fixedLengths().get(name)));
    }
    return new Columns(columns, files.stream().map(_ -> FileColumns.SAME).toList());
  }

  private void check(Footer footer, FoundFile file) {
    checkNames(footer.schema().columns(), file, element);
    footer.schema().nameless().stream()
        .findFirst()
        .ifPresent(column -> {
          throw nameless(column, file, element);
        });
  }

  static LastmileException nameless(String column, FoundFile file, String element) {
    return LastmileException.user(
        element,
        "Column \"%s\" of \"%s\" has a field without a name (write the file with names for all)"
            .formatted(column, file.shown()));
  }

  /** Checks that each name can be written in SQL, and means one column. */
  static void checkNames(List<String> columns, FoundFile file, String element) {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).isEmpty() || columns.get(i).indexOf('\0') >= 0) {
        throw LastmileException.user(
            element,
            "Column %d of \"%s\" has %s (write the file with names for all)"
                .formatted(
                    i + 1,
                    file.shown(),
                    columns.get(i).isEmpty() ? "no name" : "a NUL in its name"));
      }
    }
    checkTwins(columns, file, element);
  }

  /** Names are the same to the engine when they differ only in case. */
  static void checkTwins(List<String> columns, FoundFile file, String element) {
    Map<String, String> seen = new HashMap<>();
    for (String column : columns) {
      String twin = seen.put(column.toLowerCase(Locale.ROOT), column);
      if (twin != null) {
        throw LastmileException.user(
            element,
            "Columns \"%s\" and \"%s\" of \"%s\" differ at most in case, so that none of them can be named (write the file with other names)"
                .formatted(twin, column, file.shown()));
      }
    }
  }

  /** The types by kind of column, from one column of each: there may be thousands alike. */
  private Map<String, ColumnType> types(FoundFile file, Footer footer) {
    Map<String, String> columns = new LinkedHashMap<>();
    for (int i = 0; i < footer.schema().columns().size(); i++) {
      columns.putIfAbsent(
          footer.schema().kinds().get(i), Expressions.quote(footer.schema().columns().get(i)));
    }
    String items = columns.isEmpty() ? "*" : String.join(", ", columns.values());
    List<String> kinds = List.copyOf(columns.keySet());
    try {
      List<ResultColumn> described = session.describe("SELECT " + items + " FROM " + scan(file));
      Map<String, ColumnType> types = new HashMap<>();
      for (int i = 0; i < kinds.size(); i++) {
        types.put(kinds.get(i), described.get(i).type());
      }
      return types;
    } catch (QueryException e) {
      throw unreadable(file, e);
    }
  }

  /** The columns of a file by name. */
  private Map<String, Found> found(FoundFile file, Footer footer) {
    check(footer, file);
    try {
      Map<String, Found> found = new LinkedHashMap<>();
      for (List<@Nullable Object> row : session.rows("DESCRIBE SELECT * FROM " + scan(file))) {
        String name = String.valueOf(row.get(0));
        Integer length = footer.fixedLengths().get(name);
        String wide = footer.schema().wideDecimals().get(name);
        String read = String.valueOf(row.get(1));
        String type = wide == null ? read : read.replace(AS_DOUBLE, wide);
        String full = length == null ? type : type.replaceFirst("\\[]$", "[" + length + "]");
        found.put(name, new Found(name, full, file));
      }
      return found;
    } catch (QueryException e) {
      throw unreadable(file, e);
    }
  }

  private static String scan(FoundFile file) {
    return "read_parquet(" + Expressions.file(file.path()) + ", hive_partitioning=false)";
  }

  private void compare(Map<String, Found> a, Map<String, Found> b) {
    for (Found column : a.values()) {
      Found other = b.get(column.name());
      if (other == null) {
        throw missing(column, b);
      }
      if (!other.type().equals(column.type())) {
        String remedy =
            Widening.of(column.type(), other.type()) == null
                ? "write the files with one type"
                : remedy("schema: union widens it");
        throw different(column, other, remedy);
      }
    }
    for (Found column : b.values()) {
      if (!a.containsKey(column.name())) {
        throw missing(column, a);
      }
    }
  }

  /** Only Parquet has a rule for files that differ. */
  private String remedy(String ofParquet) {
    return format == Format.PARQUET
        ? ofParquet
        : "the " + format.word() + " files of a source must have the same columns";
  }

  private LastmileException missing(Found column, Map<String, Found> from) {
    return LastmileException.user(
        element,
        "Column \"%s\" is in \"%s\" but not in \"%s\" (%s)"
            .formatted(
                column.name(),
                column.file().shown(),
                from.values().iterator().next().file().shown(),
                remedy("schema: union makes it null there")));
  }

  private LastmileException different(Found a, Found b, String remedy) {
    return LastmileException.user(
        element,
        "Column \"%s\" is %s in \"%s\" and %s in \"%s\" (%s)"
            .formatted(a.name(), a.type(), a.file().shown(), b.type(), b.file().shown(), remedy));
  }

  /** The columns of all shapes, in the order of their first appearance, with their types. */
  private Map<String, String> union(List<Map<String, Found>> tables) {
    Map<String, List<Found>> columns = new LinkedHashMap<>();
    Map<String, Found> spellings = new HashMap<>();
    for (Map<String, Found> table : tables) {
      for (Found column : table.values()) {
        checkSpelling(column, spellings);
        add(column, columns.computeIfAbsent(column.name(), _ -> new ArrayList<>()));
      }
    }
    Map<String, String> types = new LinkedHashMap<>();
    columns.forEach(
        (name, found) -> types.put(name, Widening.ofAll(found.stream().map(Found::type).toList())));
    return types;
  }

  private void checkSpelling(Found column, Map<String, Found> spellings) {
    Found other = spellings.putIfAbsent(column.name().toLowerCase(Locale.ROOT), column);
    if (other != null && !other.name().equals(column.name())) {
      throw LastmileException.user(
          element,
          "Columns \"%s\" of \"%s\" and \"%s\" of \"%s\" differ only in case, so that none of them can be named (write the files with one name)"
              .formatted(other.name(), other.file().shown(), column.name(), column.file().shown()));
    }
  }

  private void add(Found column, List<Found> others) {
    for (Found other : others) {
      if (Widening.of(other.type(), column.type()) == null) {
        throw different(
            other, column, "schema: union cannot widen it; write the files with one type");
      }
    }
    others.add(column);
  }

  private static FileColumns adapted(Map<String, Found> table, Map<String, String> types) {
    Map<String, String> casts = new LinkedHashMap<>();
    Map<String, String> missing = new LinkedHashMap<>();
    types.forEach((name, type) -> {
      Found column = table.get(name);
      if (column == null) {
        missing.put(name, asRead(type));
      } else if (!column.type().equals(type)) {
        casts.put(name, asRead(type));
      }
    });
    return new FileColumns(casts, missing, Map.of());
  }

  private List<TableColumn> described(Map<String, String> types, List<Map<String, Found>> tables) {
    String nulls =
        types.entrySet().stream()
            .map(type ->
                "CAST(NULL AS %s) AS %s"
                    .formatted(asRead(type.getValue()), Expressions.quote(type.getKey())))
            .collect(Collectors.joining(", "));
    return session.describe("SELECT " + nulls).stream()
        .map(column ->
            new TableColumn(
                column.name(),
                type(column, types.getOrDefault(column.name(), ""), tables),
                fixedLength(types.getOrDefault(column.name(), ""))))
        .toList();
  }

  private static ColumnType type(
      ResultColumn column, String type, List<Map<String, Found>> tables) {
    Matcher wide = WIDE_DECIMAL.matcher(type);
    if (!wide.find()) {
      return column.type();
    }
    FoundFile file =
        tables.stream()
            .map(table -> table.get(column.name()))
            .filter(Objects::nonNull)
            .findFirst()
            .orElseThrow()
            .file();
    return tooWide(column.name(), wide.group(), file);
  }

  /** The engine would read it as floating-point numbers. */
  private static ColumnType tooWide(String column, String decimal, FoundFile file) {
    return new ColumnType.Other(
        decimal,
        "Column \"%s\" of \"%s\" has values of %s, but at most %d digits can be read (write it with fewer, as DOUBLE or as text)"
            .formatted(column, file.shown(), decimal, BoundType.MOST_DIGITS));
  }

  /**
   * A list of a fixed length is an ordinary list to the engine, a decimal of many digits a DOUBLE.
   */
  private static String asRead(String type) {
    String list =
        fixedLength(type) == null ? type : type.substring(0, type.lastIndexOf('[')) + "[]";
    return WIDE_DECIMAL.matcher(list).replaceAll(AS_DOUBLE);
  }

  private static @Nullable Integer fixedLength(String type) {
    String digits = type.substring(type.lastIndexOf('[') + 1).replaceFirst("]$", "");
    return type.endsWith("]") && !digits.isEmpty() ? Integer.valueOf(digits) : null;
  }

  private LastmileException unreadable(FoundFile file, QueryException e) {
    return LastmileException.user(element, "Cannot read \"" + file.shown() + "\": " + e.summary());
  }
}
