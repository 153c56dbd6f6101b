package io.lastmile.source;

import io.lastmile.query.Expressions;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How the columns of a file become those of its table.
 *
 * @param casts by column that the file has in a narrower type: the type in the table
 * @param missing by column that the file lacks: the type in the table; null in all its rows
 * @param partitions by column that the folders of the file say: its value in all rows, as SQL
 */
public record FileColumns(
    Map<String, String> casts, Map<String, String> missing, Map<String, String> partitions) {
  /** Those of a file that has the columns of its table as they are. */
  public static final FileColumns SAME = new FileColumns(Map.of(), Map.of(), Map.of());

  public FileColumns {
    casts = Collections.unmodifiableMap(new LinkedHashMap<>(casts));
    missing = Collections.unmodifiableMap(new LinkedHashMap<>(missing));
    partitions = Collections.unmodifiableMap(new LinkedHashMap<>(partitions));
  }

  /** The same in folders that say the values of more columns. */
  FileColumns within(Map<String, String> folders) {
    return folders.isEmpty() ? this : new FileColumns(casts, missing, folders);
  }

  /** A column of the table, as an item of a SELECT from the file. */
  public String item(String column) {
    String name = Expressions.quote(column);
    if (casts.containsKey(column)) {
      return cast(name, casts.get(column)) + " AS " + name;
    }
    if (missing.containsKey(column)) {
      return cast("NULL", missing.get(column)) + " AS " + name;
    }
    String value = partitions.get(column);
    return value == null ? name : value + " AS " + name;
  }

  /** All columns of the table, as the items of a SELECT from the file. */
  public String items() {
    String replaced = casts.keySet().stream().map(this::item).collect(Collectors.joining(", "));
    String added =
        Stream.concat(missing.keySet().stream(), partitions.keySet().stream())
            .map(column -> ", " + item(column))
            .collect(Collectors.joining());
    return (replaced.isEmpty() ? "*" : "* REPLACE (" + replaced + ")") + added;
  }

  private static String cast(String value, String type) {
    return "CAST(" + value + " AS " + type + ")";
  }
}
