package io.lastmile.write;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.ColumnPlan;
import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import io.lastmile.source.ArrowTypes;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The types of the columns, as they are before they are written and as a reader finds them: a file
 * without rows is written and read.
 *
 * @param metadata of each file, as the engine's option says it; empty: none
 * @param types that a reader finds, by name, in order
 */
record FileTypes(String metadata, Map<String, String> types) {
  /**
   * Finds the types.
   *
   * @param tables whose rows are written together, all with columns of the same names
   * @param file where the file is written; gone afterwards or later
   * @throws LastmileException of kind USER when a column would come back as another type, or has
   *     another in another table
   */
  static FileTypes of(List<ColumnPlan> tables, Session session, Path file) {
    ColumnPlan columns = tables.getFirst();
    List<String> twins = columns.twins();
    if (twins != null) {
      throw refused(
          "Columns \"%s\" and \"%s\" differ at most in case, so that none of them could be named in the file (rename one)"
              .formatted(twins.getFirst(), twins.getLast()));
    }
    if (columns.columns().isEmpty()) {
      throw refused(
          tables.size() == 1
              ? "No column is left of dataset \"%s\"".formatted(columns.rows().name())
              : "No column is in all of the datasets that are mixed: "
                  + String.join(", ", tables.stream().map(table -> table.rows().name()).toList()));
    }
    String rows = nothing(columns);
    Map<String, String> before = types(session, rows);
    for (ColumnPlan table : tables) {
      checkAlike(columns, before, table, types(session, nothing(table)));
    }
    session.execute(
        "COPY (" + rows + ") TO " + Expressions.literal(file.toString()) + " (FORMAT parquet)");
    Map<String, String> after =
        types(session, "SELECT * FROM read_parquet(" + Expressions.file(file) + ")");
    before.forEach((name, type) -> check(name, type, after.getOrDefault(name, "nothing")));
    Map<String, Integer> lengths = columns.fixedLengths();
    tables.forEach(table -> lengths.entrySet().retainAll(table.fixedLengths().entrySet()));
    String metadata =
        lengths.isEmpty()
            ? ""
            : ", KV_METADATA {'ARROW:schema': "
                + Expressions.literal(ArrowTypes.schema(after, lengths))
                + "}";
    return new FileTypes(metadata, after);
  }

  /** SQL of the columns under their own names, without a row. */
  static String nothing(ColumnPlan columns) {
    return "SELECT " + columns.named() + " FROM (" + columns.sql(columns.nothing()) + ")";
  }

  private static Map<String, String> types(Session session, String rows) {
    Map<String, String> types = new LinkedHashMap<>();
    for (List<@Nullable Object> column : session.rows("DESCRIBE " + rows)) {
      types.put(String.valueOf(column.get(0)), String.valueOf(column.get(1)));
    }
    return types;
  }

  private static void checkAlike(
      ColumnPlan first, Map<String, String> wanted, ColumnPlan other, Map<String, String> found) {
    wanted.forEach((name, type) -> {
      if (!type.equals(found.get(name))) {
        throw refused(
            "Column \"%s\" is %s in dataset \"%s\", but %s in \"%s\" (cast one of them, or drop it)"
                .formatted(name, type, first.rows().name(), found.get(name), other.rows().name()));
      }
    });
  }

  private static void check(String name, String type, String read) {
    if (!type.equals(read) && !means(type, read)) {
      throw refused(
          "Column \"%s\" is %s, which a Parquet file gives back as %s (cast it to a type that it keeps, or drop it)"
              .formatted(name, type, read));
    }
  }

  /** Whether the values of another type are the same to whoever reads them. */
  private static boolean means(String type, String read) {
    String kept =
        type.replaceAll("\\[\\d+]", "[]")
            .replaceAll("\\bTIMESTAMP_(S|MS)\\b", "TIMESTAMP")
            .replaceAll("ENUM\\((?:'(?:[^']|'')*'(?:, )?)*\\)", "VARCHAR");
    return kept.equals(read);
  }

  private static LastmileException refused(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }
}
