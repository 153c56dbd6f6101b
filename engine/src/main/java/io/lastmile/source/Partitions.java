package io.lastmile.source;

import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Expressions;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the folders between a table's root and its files say: a folder {@code dt=2024-01-01} gives
 * all rows of its files the value 2024-01-01 in the column dt. Immutable.
 */
final class Partitions {
  /** How Hive writes a null. */
  private static final String NULL = "__HIVE_DEFAULT_PARTITION__";

  private static final Pattern WHOLE_NUMBER = Pattern.compile("0|-?[1-9][0-9]{0,18}");
  private static final Pattern DAY = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}");

  private final List<Map<String, @Nullable String>> values;
  private final List<TableColumn> columns;

  private Partitions(List<Map<String, @Nullable String>> values, List<TableColumn> columns) {
    this.values = List.copyOf(values);
    this.columns = List.copyOf(columns);
  }

  /**
   * The partitions of a table.
   *
   * @param files paths relative to the table's root, with '/' between names; at least one
   * @param element of the experiment, for errors
   * @throws LastmileException of kind USER when two files have different ones
   */
  static Partitions of(List<String> files, String element) {
    List<Map<String, @Nullable String>> values = new ArrayList<>();
    for (String file : files) {
      values.add(parsed(file, element));
      if (!keys(values.getLast()).equals(keys(values.getFirst()))) {
        throw LastmileException.user(
            element,
            "\"%s\" lies in %s, but \"%s\" in %s (all files of a source need the same partitions, in the same order)"
                .formatted(
                    files.getFirst(), folders(values.getFirst()), file, folders(values.getLast())));
      }
    }
    List<TableColumn> columns =
        keys(values.getFirst()).stream().map(key -> column(key, values)).toList();
    return new Partitions(values, columns);
  }

  private static List<String> keys(Map<String, @Nullable String> partition) {
    return List.copyOf(partition.keySet());
  }

  private static String folders(Map<String, @Nullable String> partition) {
    return partition.isEmpty()
        ? "no partition"
        : "partitions " + String.join("=…/", partition.keySet()) + "=…";
  }

  /** The columns, outermost folder first. */
  List<TableColumn> columns() {
    return columns;
  }

  /** By column, what a file's folders say, decoded. */
  Map<String, @Nullable String> values(int file) {
    return values.get(file);
  }

  /** By column, what a file's folders say, as SQL. */
  Map<String, String> literals(int file) {
    Map<String, String> literals = new LinkedHashMap<>();
    for (TableColumn column : columns) {
      String value = values.get(file).get(column.name());
      literals.put(
          column.name(),
          "CAST(%s AS %s)"
              .formatted(value == null ? "NULL" : Expressions.literal(value), column.type().sql()));
    }
    return literals;
  }

  private static Map<String, @Nullable String> parsed(String file, String element) {
    Map<String, @Nullable String> partition = new LinkedHashMap<>();
    String[] names = file.split("/");
    for (int i = 0; i < names.length - 1; i++) {
      int equals = names[i].indexOf('=');
      if (equals > 0) {
        String key = decoded(names[i].substring(0, equals));
        String value = decoded(names[i].substring(equals + 1));
        if (value.indexOf('\0') >= 0
            || partition.keySet().stream().anyMatch(key::equalsIgnoreCase)) {
          throw LastmileException.user(
              element,
              "Invalid partition: \"%s\" in \"%s\" (%s)"
                  .formatted(
                      names[i],
                      file,
                      value.indexOf('\0') >= 0
                          ? "it has a zero byte"
                          : "another folder has the same name"));
        }
        partition.put(key, value.equals(NULL) ? null : value);
      }
    }
    return partition;
  }

  /** Writers escape what a file's name cannot hold as %XX. */
  private static String decoded(String name) {
    try {
      return URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return name;
    }
  }

  private static TableColumn column(String key, List<Map<String, @Nullable String>> values) {
    List<String> present =
        values.stream().map(value -> value.get(key)).filter(Objects::nonNull).distinct().toList();
    ColumnType.Kind kind =
        isEach(present, Partitions::isWholeNumber)
            ? ColumnType.Kind.BIGINT
            : isEach(present, Partitions::isDay) ? ColumnType.Kind.DATE : ColumnType.Kind.VARCHAR;
    return new TableColumn(key, new ColumnType.Scalar(kind), null);
  }

  private static boolean isEach(List<String> values, Predicate<String> test) {
    return !values.isEmpty() && values.stream().allMatch(test);
  }

  private static boolean isWholeNumber(String value) {
    if (!WHOLE_NUMBER.matcher(value).matches()) {
      return false;
    }
    try {
      return Long.toString(Long.parseLong(value)).equals(value);
    } catch (NumberFormatException _) {
      return false;
    }
  }

  private static boolean isDay(String value) {
    try {
      return DAY.matcher(value).matches() && LocalDate.parse(value).toString().equals(value);
    } catch (DateTimeException _) {
      return false;
    }
  }

  /**
   * Checks that no file has a column of the name of a partition: they might differ.
   *
   * @param files paths relative to the table's root
   * @param columns of each file; one list where files are written alike
   */
  void check(List<String> files, List<List<String>> columns, String element) {
    Set<List<String>> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (int i = 0; i < files.size(); i++) {
      if (seen.add(columns.get(i))) {
        check(files.get(i), columns.get(i), element);
      }
    }
  }

  private void check(String file, List<String> names, String element) {
    for (TableColumn partition : columns()) {
      for (String column : names) {
        if (column.equalsIgnoreCase(partition.name())) {
          throw LastmileException.user(
              element,
              "\"%s\" has a column \"%s\" and lies in a folder \"%s=…\", which is a column as well (write the files without it, or give the folders another name)"
                  .formatted(file, column, partition.name()));
        }
      }
    }
  }
}
