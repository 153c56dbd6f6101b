package io.lastmile.source;

import io.lastmile.error.LastmileException;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.ResultColumn;
import io.lastmile.query.Session;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The columns of a table, and the check that all its files have them. */
final class Schemas {
  private static final String REMEDY = " (schema: union is not supported yet)";

  private final Session session;
  private final String element;

  /**
   * A check for one source.
   *
   * @param element of the experiment, for errors
   */
  Schemas(Session session, String element) {
    this.session = session;
    this.element = element;
  }

  /** The columns of the first file, when all others have the same ones, in whatever order. */
  List<TableColumn> columns(List<FoundFile> files, List<Footer> footers) {
    Footer first = footers.getFirst();
    checkTwins(first.columns(), files.getFirst(), element);
    Set<Footer.Schema> seen = new HashSet<>(Set.of(first.schema()));
    for (int i = 1; i < files.size(); i++) {
      if (seen.add(footers.get(i).schema())) {
        compare(files.getFirst(), types(files.getFirst()), files.get(i), types(files.get(i)));
      }
      if (!first.fixedLengths().equals(footers.get(i).fixedLengths())) {
        compare(
            files.getFirst(),
            fixed(types(files.getFirst()), first),
            files.get(i),
            fixed(types(files.get(i)), footers.get(i)));
      }
    }
    return describe(files.getFirst()).stream()
        .map(column -> column(column, first.fixedLengths().get(column.name())))
        .toList();
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

  private static TableColumn column(ResultColumn column, @Nullable Integer length) {
    return new TableColumn(column.name(), column.type(), length);
  }

  private List<ResultColumn> describe(FoundFile file) {
    try {
      return session.describe("SELECT * FROM " + scan(file));
    } catch (QueryException e) {
      throw unreadable(file, e);
    }
  }

  /** The types of a file's columns, in full. */
  private Map<String, String> types(FoundFile file) {
    try {
      Map<String, String> types = new LinkedHashMap<>();
      for (List<@Nullable Object> row : session.rows("DESCRIBE SELECT * FROM " + scan(file))) {
        types.put(String.valueOf(row.get(0)), String.valueOf(row.get(1)));
      }
      return types;
    } catch (QueryException e) {
      throw unreadable(file, e);
    }
  }

  private static Map<String, String> fixed(Map<String, String> types, Footer footer) {
    Map<String, String> fixed = new LinkedHashMap<>(types);
    footer
        .fixedLengths()
        .forEach((name, length) ->
            fixed.computeIfPresent(
                name, (column, type) -> type.replaceFirst("\\[]$", "[" + length + "]")));
    return fixed;
  }

  private static String scan(FoundFile file) {
    return "read_parquet(" + Expressions.file(file.path()) + ", hive_partitioning=false)";
  }

  private void compare(
      FoundFile a, Map<String, String> typesOfA, FoundFile b, Map<String, String> typesOfB) {
    typesOfA.forEach((name, type) -> {
      String other = typesOfB.get(name);
      if (other == null) {
        throw missing(name, a, b);
      }
      if (!other.equals(type)) {
        throw failure(
            "Column \"%s\" is %s in \"%s\" and %s in \"%s\""
                .formatted(name, type, a.shown(), other, b.shown()));
      }
    });
    for (String name : typesOfB.keySet()) {
      if (!typesOfA.containsKey(name)) {
        throw missing(name, b, a);
      }
    }
  }

  private LastmileException missing(String column, FoundFile in, FoundFile from) {
    return failure(
        "Column \"%s\" is in \"%s\" but not in \"%s\"".formatted(column, in.shown(), from.shown()));
  }

  private LastmileException failure(String message) {
    return LastmileException.user(element, message + REMEDY);
  }

  private LastmileException unreadable(FoundFile file, QueryException e) {
    return LastmileException.user(element, "Cannot read \"" + file.shown() + "\": " + e.summary());
  }
}
