package io.lastmile.source;

import io.lastmile.error.LastmileException;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads CSV files through the engine. The type of a column is the first of {@link Kind} that all
 * its values have, in all rows of all files; text where there is none. No value is a null.
 */
final class CsvTables {
  private static final List<Kind> KINDS = List.of(Kind.values());

  private final Session session;
  private final String element;

  CsvTables(Session session, String element) {
    this.session = session;
    this.element = element;
  }

  /**
   * The types of values, by how they are spelled. WHOLE are digits without leading zeros: numbers
   * with such are codes, which would lose them.
   */
  private enum Kind {
    BOOLEAN("BOOLEAN", "(?i)true|false"),
    BIGINT("BIGINT", "[+-]?WHOLE"),
    UBIGINT("UBIGINT", "[+]?WHOLE"),
    /** Whole numbers that no integer holds: as floating-point numbers they would change. */
    LONGER("VARCHAR", "[+-]?[0-9]+"),
    DOUBLE("DOUBLE", "(?i)[+-]?(WHOLE([.][0-9]*)?|[.][0-9]+)(e[+-]?[0-9]+)?|nan|[+-]?inf(inity)?"),
    DATE("DATE", "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    TIMESTAMP(
        "TIMESTAMP", "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"),
    TIMESTAMP_TZ(
        "TIMESTAMP WITH TIME ZONE",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)");

    private final String sql;
    private final String spelling;

    Kind(String sql, String spelling) {
      this.sql = sql;
      this.spelling = spelling.replace("WHOLE", "(0|[1-9][0-9]*)");
    }

    /** Whether all values of a column are of this type; TRUE where there are none. */
    String test(String column) {
      String spelled = "regexp_full_match(%s, %s)".formatted(column, Expressions.literal(spelling));
      String cast = "TRY_CAST(%s AS %s)".formatted(column, sql);
      String isOne =
          switch (this) {
            case LONGER -> spelled;
            // A number beyond all doubles would become infinite.
            case DOUBLE ->
                "%s AND (isfinite(%s) OR NOT regexp_matches(%s, '[0-9]'))"
                    .formatted(spelled, cast, column);
            default -> "%s AND %s IS NOT NULL".formatted(spelled, cast);
          };
      return "coalesce(bool_and(%s) FILTER (WHERE %s IS NOT NULL), TRUE)".formatted(isOne, column);
    }
  }

  /** The files, each checked by the letter before. */
  List<Conversion.Checked> readable(List<FoundFile> files) throws IOException {
    List<CsvFile> read = new ArrayList<>();
    for (FoundFile file : files) {
      read.add(CsvFile.read(file, element));
    }
    List<String> names = read.getFirst().names();
    Schemas.checkTwins(names, files.getFirst(), element);
    for (int i = 1; i < files.size(); i++) {
      checkNames(files.getFirst(), names, files.get(i), read.get(i).names());
    }
    List<String> types = types(names, files, read);
    List<Conversion.Checked> readable = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      String sql =
          "SELECT %s FROM %s".formatted(casts(names, types), scan(files.get(i), read.get(i)));
      readable.add(new Conversion.Checked(files.get(i), sql, read.get(i).rows()));
    }
    return readable;
  }

  private void checkNames(FoundFile a, List<String> namesOfA, FoundFile b, List<String> namesOfB) {
    Schemas.checkTwins(namesOfB, b, element);
    HashSet<String> all = new HashSet<>(namesOfA);
    for (String name : namesOfB) {
      if (!all.remove(name)) {
        throw missing(name, b, a);
      }
    }
    if (!all.isEmpty()) {
      throw missing(namesOfA.stream().filter(all::contains).findFirst().orElseThrow(), a, b);
    }
  }

  private LastmileException missing(String column, FoundFile in, FoundFile from) {
    return LastmileException.user(
        element,
        "Column \"%s\" is in \"%s\" but not in \"%s\" (the CSV files of a source must have the same columns)"
            .formatted(column, in.shown(), from.shown()));
  }

  private List<String> types(List<String> names, List<FoundFile> files, List<CsvFile> read) {
    boolean[] is = new boolean[names.size() * KINDS.size()];
    boolean[] any = new boolean[names.size()];
    Arrays.fill(is, true);
    for (int i = 0; i < files.size(); i++) {
      List<@Nullable Object> row = tests(names, files.get(i), read.get(i));
      for (int t = 0; t < is.length; t++) {
        is[t] &= Boolean.TRUE.equals(row.get(t));
      }
      for (int c = 0; c < any.length; c++) {
        any[c] |= Boolean.TRUE.equals(row.get(is.length + c));
      }
    }
    List<String> types = new ArrayList<>();
    for (int c = 0; c < names.size(); c++) {
      types.add(any[c] ? type(is, c * KINDS.size()) : "VARCHAR");
    }
    return types;
  }

  private static String type(boolean[] is, int from) {
    for (int k = 0; k < KINDS.size(); k++) {
      if (is[from + k]) {
        return KINDS.get(k).sql;
      }
    }
    return "VARCHAR";
  }

  /** For each column the tests of all kinds, then for each column whether it has a value. */
  private List<@Nullable Object> tests(List<String> names, FoundFile file, CsvFile read) {
    List<String> tests = new ArrayList<>();
    for (String name : names) {
      for (Kind kind : KINDS) {
        tests.add(kind.test(Expressions.quote(name)));
      }
    }
    names.forEach(name -> tests.add("count(" + Expressions.quote(name) + ") > 0"));
    String sql = "SELECT %s FROM %s".formatted(String.join(", ", tests), scan(file, read));
    try {
      return session.rows(sql).getFirst();
    } catch (QueryException e) {
      throw Conversion.unreadable(element, file, e);
    }
  }

  private static String casts(List<String> names, List<String> types) {
    List<String> casts = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      String name = Expressions.quote(names.get(i));
      casts.add("CAST(%s AS %s) AS %s".formatted(name, types.get(i), name));
    }
    return String.join(", ", casts);
  }

  private static String scan(FoundFile file, CsvFile read) {
    String columns =
        read.names().stream()
            .map(name -> Expressions.literal(name) + ": 'VARCHAR'")
            .collect(Collectors.joining(", ", "{", "}"));
    return "read_csv("
        + Expressions.file(file.path())
        + ", auto_detect=false, header=true, delim=',', quote='\"', escape='\"', nullstr='',"
        + " strict_mode=true, ignore_errors=false, null_padding=false, parallel=false,"
        + " compression='none', hive_partitioning=false, columns="
        + columns
        + ")";
  }
}
