package io.lastmile.query;

import io.lastmile.error.Nearest;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the engine's functions are, by name, and which of them an expression may call. */
final class FunctionCatalog {
  private static final String QUERY =
      """
      SELECT lower(function_name),
        bool_or(function_type = 'aggregate'),
        bool_or(function_type = 'scalar'),
        bool_or(function_type = 'macro'),
        bool_or(function_type = 'scalar' AND stability <> 'CONSISTENT')
      FROM duckdb_functions() GROUP BY ALL\
      """;

  /** Macros of the engine that compute a value of a row from it alone; others are refused. */
  private static final Pattern ROW_MACROS =
      Pattern.compile(
          "array_.*|list_.*|map_contains_.*|md5_number_.*|date_add|days_in_month|fdiv|fmod|if"
              + "|nullif|json|split_part");

  /** Marked by the engine as depending on their arguments alone, though they read the clock. */
  private static final Set<String> CLOCKS = Set.of("current_localtime", "current_localtimestamp");

  private static final Set<String> RANDOM = Set.of("random", "uuid", "gen_random_uuid", "uuidv4");
  private static final Pattern TIME = Pattern.compile("^now$|^today$|^age$|time|date");

  private enum Use {
    ROW,
    AGGREGATE,
    CHANGING,
    OTHER
  }

  // Written once by whichever thread comes first: every engine of a process is the same version.
  private static volatile @Nullable Map<String, Use> uses;

  private FunctionCatalog() {}

  /** Why an expression may not call a function with so many arguments; null when it may. */
  static @Nullable String refusal(Session session, String name, int arguments) {
    Map<String, Use> known = uses(session);
    Use use = known.get(name);
    if (use == null) {
      return "Unknown function \"" + name + "\"" + Nearest.hint(name, known.keySet());
    }
    if (CLOCKS.contains(name) || (name.equals("age") && arguments == 1)) {
      return changing(name + "()");
    }
    return switch (use) {
      case ROW -> null;
      case AGGREGATE ->
          name
              + "() is an aggregate, but it sees one row (use the step join with a table of totals)";
      case CHANGING -> changing(name + "()");
      case OTHER ->
          name
              + "() does not give one value for a row"
              + (name.equals("unnest") ? " (use the step explode)" : "");
    };
  }

  /** Why a call of a function, or a name, that gives another value each time is refused. */
  static String changing(String call) {
    String name = call.replace("()", "");
    String remedy = "";
    if (RANDOM.contains(name)) {
      remedy = " (use the step sample or downsample)";
    } else if (TIME.matcher(name).find()) {
      remedy = " (write the time as a constant)";
    }
    return call + " is not the same at every run" + remedy;
  }

  private static Map<String, Use> uses(Session session) {
    Map<String, Use> known = uses;
    if (known == null) {
      known = new HashMap<>();
      for (List<@Nullable Object> row : session.rows(QUERY)) {
        String name = String.valueOf(row.getFirst());
        known.put(name, use(name, row));
      }
      uses = known;
    }
    return known;
  }

  private static Use use(String name, List<@Nullable Object> row) {
    boolean isAggregate = Boolean.TRUE.equals(row.get(1));
    boolean isScalar = Boolean.TRUE.equals(row.get(2));
    boolean isMacro = Boolean.TRUE.equals(row.get(3));
    boolean isChanging = Boolean.TRUE.equals(row.get(4));
    if (isAggregate) {
      return Use.AGGREGATE;
    }
    if (isChanging && !name.equals("error")) {
      return Use.CHANGING;
    }
    boolean isRowMacro = isMacro && ROW_MACROS.matcher(name.toLowerCase(Locale.ROOT)).matches();
    return isScalar || isRowMacro ? Use.ROW : Use.OTHER;
  }
}
