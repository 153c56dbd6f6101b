package io.lastmile.source;

import io.lastmile.dataset.Json;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads files with one JSON object a line through the engine. The columns are the keys of all
 * objects of all files, in the order of their first appearance; a key that an object lacks is a
 * null. Types are those of JSON: whole numbers of 64 bits, other numbers, texts, truths, lists and
 * objects of these.
 */
final class JsonTables {
  private static final String OPTIONS = "format='newline_delimited', compression='none', ";

  private final Session session;
  private final String element;

  JsonTables(Session session, String element) {
    this.session = session;
    this.element = element;
  }

  /** The files, each checked by the letter before. */
  List<Conversion.Checked> readable(List<FoundFile> files) throws IOException {
    List<JsonLinesFile> read = new ArrayList<>();
    for (FoundFile file : files) {
      read.add(JsonLinesFile.read(file, element));
    }
    checkWholeNumbers(files, read);
    String columns = columns(files);
    List<Conversion.Checked> readable = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      String sql =
          "SELECT * FROM read_json(%s, %sauto_detect=false, records='true', ignore_errors=false, hive_partitioning=false, columns=%s)"
              .formatted(Expressions.file(files.get(i).path()), OPTIONS, columns);
      readable.add(new Conversion.Checked(files.get(i), sql, read.get(i).rows()));
    }
    return readable;
  }

  /** Where all numbers are whole they must be BIGINT: a DOUBLE would change the large ones. */
  private void checkWholeNumbers(List<FoundFile> files, List<JsonLinesFile> read) {
    Set<String> fractions = new HashSet<>();
    read.forEach(file -> fractions.addAll(file.fractions()));
    for (int i = 0; i < files.size(); i++) {
      for (Map.Entry<String, JsonLinesFile.Large> large : read.get(i).large().entrySet()) {
        if (!fractions.contains(large.getKey())) {
          throw LastmileException.user(
              element,
              "\"%s\", line %d: %s in \"%s\" is beyond 64 bits with sign (write such numbers as strings)"
                  .formatted(
                      files.get(i).shown(),
                      large.getValue().line(),
                      large.getValue().number(),
                      JsonLinesFile.shown(large.getKey())));
        }
      }
    }
  }

  private String columns(List<FoundFile> files) {
    if (!(structure(files) instanceof Map<?, ?> structure) || structure.isEmpty()) {
      throw LastmileException.user(
          element,
          "\"%s\" has no rows with columns (each line must be one JSON object)"
              .formatted(files.getFirst().shown()));
    }
    checkTwins("", structure, files.getFirst());
    List<String> columns = new ArrayList<>();
    structure.forEach((name, type) -> {
      String sql = type(type);
      if (sql == null) {
        throw mixed(String.valueOf(name), files);
      }
      columns.add(Expressions.literal(String.valueOf(name)) + ": " + Expressions.literal(sql));
    });
    return "{" + String.join(", ", columns) + "}";
  }

  /** What all objects together look like, with names of types in the places of values. */
  private @Nullable Object structure(List<FoundFile> files) {
    try {
      Object text =
          session
              .rows("SELECT CAST(json_group_structure(json) AS VARCHAR) FROM " + objects(files))
              .getFirst()
              .getFirst();
      return text == null ? null : Json.parse(String.valueOf(text));
    } catch (QueryException e) {
      throw Conversion.unreadable(element, files.getFirst(), e);
    }
  }

  private static String objects(List<FoundFile> files) {
    return files.stream()
        .map(file -> Expressions.file(file.path()))
        .collect(
            Collectors.joining(", ", "read_json_objects([", "], " + OPTIONS + "filename=true)"));
  }

  /** Checks the names of columns, and of what is in them. */
  private void checkTwins(String within, @Nullable Object structure, FoundFile file) {
    switch (structure) {
      case List<?> list when !list.isEmpty() -> checkTwins(within, list.getFirst(), file);
      case Map<?, ?> object -> {
        Schemas.checkTwins(
            object.keySet().stream().map(name -> within + name).toList(), file, element);
        object.forEach((name, value) -> checkTwins(within + name + ".", value, file));
      }
      case null, default -> {}
    }
  }

  /** The SQL type of a structure; null: values of several types. */
  private static @Nullable String type(@Nullable Object structure) {
    return switch (structure) {
      case List<?> list -> {
        String values = list.isEmpty() ? "VARCHAR" : type(list.getFirst());
        yield values == null ? null : values + "[]";
      }
      case Map<?, ?> object -> {
        List<String> fields = new ArrayList<>();
        for (Map.Entry<?, ?> field : object.entrySet()) {
          String type = type(field.getValue());
          if (type == null) {
            yield null;
          }
          fields.add(Expressions.quote(String.valueOf(field.getKey())) + " " + type);
        }
        yield fields.isEmpty() ? null : "STRUCT(" + String.join(", ", fields) + ")";
      }
      case String name ->
          switch (name) {
            case "BOOLEAN", "DOUBLE", "VARCHAR" -> name;
            case "BIGINT", "UBIGINT", "HUGEINT" -> "BIGINT";
            case "NULL" -> "VARCHAR";
            default -> null;
          };
      case null, default -> null;
    };
  }

  private LastmileException mixed(String column, List<FoundFile> files) {
    String kind =
        "CASE json_type(value) WHEN 'VARCHAR' THEN 1 WHEN 'BOOLEAN' THEN 2 WHEN 'ARRAY' THEN 3 WHEN 'OBJECT' THEN 4 ELSE 5 END";
    String values =
        "SELECT json -> %s AS value, filename, row_number() OVER () AS n FROM %s"
            .formatted(Expressions.literal(path(column)), objects(files));
    List<List<@Nullable Object>> firsts =
        session.rows(
            "SELECT arg_min(CAST(value AS VARCHAR), n), arg_min(filename, n) FROM (%s) WHERE json_type(value) <> 'NULL' GROUP BY %s ORDER BY min(n)"
                .formatted(values, kind));
    String places =
        firsts.stream()
            .limit(2)
            .map(first -> "%s in \"%s\"".formatted(first.getFirst(), shown(first.get(1), files)))
            .collect(Collectors.joining(" and "));
    return LastmileException.user(
        element,
        "Column \"%s\" has values of several types, such as %s (write them alike)"
            .formatted(column, places));
  }

  private static String path(String column) {
    return "$.\"" + column.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  private static String shown(@Nullable Object path, List<FoundFile> files) {
    return files.stream()
        .filter(file -> file.path().toString().equals(path))
        .map(FoundFile::shown)
        .findFirst()
        .orElse(String.valueOf(path));
  }
}
