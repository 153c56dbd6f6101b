package io.lastmile.cli;

import io.lastmile.cli.GeneratedColumn.Form;
import io.lastmile.cli.GeneratedColumn.Value;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * SQL that makes recommender-shaped tables out of row numbers and a seed.
 *
 * <p>Each value is a pure function of (seed, row or request, column): integer hashing and the four
 * operations of IEEE arithmetic only, so every machine makes the same rows. Without sessions a row
 * is the same whatever the number of files.
 */
final class GeneratedTables {
  private static final long MASK = HashMacros.MASK;

  private static final long USERS = 200_000;
  private static final long ITEMS = 1_000_000;
  static final long SPAM_USERS = 10_000;
  private static final long FIRST_DAY_MS = 1_690_000_000_000L;
  private static final long DAY_MS = 86_400_000L;

  private final GenerationPlan plan;
  private final long rowSeed;
  private final long requestSeed;
  private final long spamOffset;

  /** The tables of a plan. */
  GeneratedTables(GenerationPlan plan) {
    this.plan = plan;
    SplittableRandom random = new SplittableRandom(plan.seed());
    rowSeed = random.nextLong() & MASK;
    requestSeed = random.nextLong() & MASK;
    spamOffset = random.nextLong(USERS);
  }

  /** The statement that writes one file of impressions. */
  String copyImpressions(int file, Path target) {
    List<GeneratedColumn> columns = columns(file);
    String select =
        columns.stream()
            .map(column -> column.expression() + " AS " + column.name())
            .collect(Collectors.joining(",\n"));
    return """
    COPY (SELECT
    %s
    FROM (%s))
    TO %s
    (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d, KV_METADATA {'ARROW:schema': %s})\
    """
        .formatted(
            select,
            rows(file),
            quoted(target.toString()),
            plan.rowGroup(),
            quoted(ArrowSchemaWriter.encode(columns)));
  }

  /** The statement that writes the table of spam users: {@code user_id}, {@code reason}. */
  String copySpamUsers(Path target) {
    return """
    COPY (SELECT (range * 73477 + %d) %% %d AS user_id, 'spam' AS reason FROM range(%d))
    TO %s (FORMAT parquet, COMPRESSION zstd)\
    """
        .formatted(spamOffset, USERS, SPAM_USERS, quoted(target.toString()));
  }

  /** Row numbers, requests and their hash keys, in order. */
  private String rows(int file) {
    long first = plan.firstRow(file);
    String request =
        plan.sessions() == 1
            ? "range"
            : file * requestsPerFile() + " + (range - " + first + ") // " + plan.sessions();
    return """
    SELECT row, request, gen_key(row::UBIGINT, %d) AS k, gen_key(request::UBIGINT, %d) AS q
    FROM (SELECT range AS row, %s AS request FROM range(%d, %d))\
    """
        .formatted(rowSeed, requestSeed, request, first, plan.firstRow(file + 1));
  }

  private long requestsPerFile() {
    long largest = Math.ceilDiv(plan.rows(), plan.files());
    return Math.ceilDiv(largest, plan.sessions());
  }

  private List<GeneratedColumn> columns(int file) {
    List<GeneratedColumn> columns = new ArrayList<>();
    columns.add(GeneratedColumn.single("user_id", Value.INT64, user(file)));
    columns.add(
        GeneratedColumn.single("item_id", Value.INT64, skewed(unit("k", "item_id"), ITEMS, 4)));
    if (plan.sessions() > 1) {
      columns.add(GeneratedColumn.single("request_id", Value.INT64, "request"));
    }
    columns.add(GeneratedColumn.single("ts", Value.TIMESTAMP, time(file)));
    String surface =
        "['home', 'search', 'related', 'board'][1 + (" + draw("q", "surface") + " >> 30)::BIGINT]";
    columns.add(GeneratedColumn.single("surface", Value.TEXT, surface));
    columns.add(
        GeneratedColumn.single(
            "label", Value.INT8, "(" + below("k", "label", 0.03) + ")::TINYINT"));
    columns.add(GeneratedColumn.single("dwell_s", Value.FLOAT32, dwell(unit("k", "dwell_s"))));
    addFeatures(columns);
    addSequences(columns);
    return columns;
  }

  /** With sessions the users of a file ascend. */
  private String user(int file) {
    if (plan.sessions() == 1) {
      return skewed(unit("q", "user_id"), USERS, 4);
    }
    long requests = Math.ceilDiv(plan.firstRow(file + 1) - plan.firstRow(file), plan.sessions());
    String place = "((request - " + file * requestsPerFile() + ") + " + unit("q", "user_id") + ")";
    return skewed(place + " / " + requests + "e0", USERS, 4);
  }

  /** Times ascend through one day; with sessions only from file to file. */
  private String time(int file) {
    long first = plan.firstRow(file);
    long rows = plan.firstRow(file + 1) - first;
    String place =
        plan.sessions() == 1
            ? "(row + " + unit("q", "ts") + ")"
            : "(" + first + " + " + unit("q", "ts") + " * " + rows + ")";
    String ms =
        FIRST_DAY_MS + " + floor(" + place + " * " + DAY_MS + "e0 / " + plan.rows() + ")::BIGINT";
    return "make_timestamp((" + ms + ") * 1000)::TIMESTAMP_MS";
  }

  private void addFeatures(List<GeneratedColumn> columns) {
    for (int i = 0; i < plan.shape().dense(); i++) {
      String name = "dense_" + i;
      String value = "gen_bell(" + draw("k", name) + ")";
      String some = unless(below("k", name + " null", 0.1), value);
      columns.add(GeneratedColumn.single(name, Value.FLOAT32, i % 5 == 0 ? some : value));
    }
    for (int i = 0; i < plan.shape().categories(); i++) {
      columns.add(category("cat_" + i, 1000L * (i + 1)));
    }
    for (int i = 0; i < plan.wide(); i++) {
      String name = "wide_" + i;
      columns.add(
          i % 2 == 1
              ? category(name, 100_000)
              : GeneratedColumn.single(name, Value.FLOAT32, "gen_bell(" + draw("k", name) + ")"));
    }
  }

  private static GeneratedColumn category(String name, long values) {
    return GeneratedColumn.single(name, Value.INT64, skewed(unit("k", name), values, 2));
  }

  private void addSequences(List<GeneratedColumn> columns) {
    String id = skewed("u", ITEMS, 4);
    columns.add(sequence("seq_item", Value.INT64, id));
    if (plan.shape() == GenerationPlan.Shape.NARROW) {
      return;
    }
    columns.add(sequence("seq_pin", Value.INT64, id));
    GeneratedColumn board = sequence("seq_board", Value.INT64, id);
    String some = unless(below("q", "seq_board null", 0.05), board.expression());
    columns.add(new GeneratedColumn(board.name(), board.value(), board.form(), some));
    columns.add(sequence("seq_ts", Value.INT64, "1680000000 + floor(u * 10000000)::BIGINT"));
    columns.add(sequence("seq_action", Value.INT32, "floor(u * 12)::INTEGER"));
    columns.add(sequence("seq_dwell", Value.FLOAT32, dwell("u")));
    columns.add(embedding());
  }

  private static GeneratedColumn embedding() {
    String values =
        "list_transform(gen_stream(q, %d, %d), lambda x: gen_bell(gen_m2(x)))::FLOAT[%2$d]"
            .formatted(salt("user_emb"), GeneratedColumn.EMBEDDING_WIDTH);
    return new GeneratedColumn("user_emb", Value.FLOAT32, Form.EMBEDDING, values);
  }

  /**
   * A list of 0 to the shape's longest; short ones are more frequent, the mean is about a third.
   */
  private GeneratedColumn sequence(String name, Value value, String ofUnit) {
    int longest = plan.shape().longest();
    String unit = unit("q", name + " length");
    String length =
        "least(%d, floor(%s * %s * %3$s))::BIGINT".formatted(longest, number(longest * 1.06), unit);
    String units =
        "list_transform(gen_stream(q, %d, %s), lambda x: gen_unit(gen_m2(x)))"
            .formatted(salt(name), length);
    String values = "list_transform(%s, lambda u: %s)".formatted(units, ofUnit);
    return new GeneratedColumn(name, value, Form.LIST, values);
  }

  /**
   * Integers in 0 … values - 1 of which the small ones are frequent, P(n or more) near
   * n^(-1/power).
   */
  private static String skewed(String unit, long values, int power) {
    double width = 1 - StrictMath.pow((double) values, -1.0 / power);
    return "gen_skew" + power + "(1 - " + unit + " * " + number(width) + ")";
  }

  /** Seconds from 3 to 150, 12 on average. */
  private static String dwell(String unit) {
    return "(3 / (1 - 98e-2 * " + unit + "))::FLOAT";
  }

  /** The value, but null where the condition is true. */
  private static String unless(String condition, String value) {
    return "CASE WHEN NOT " + condition + " THEN " + value + " END";
  }

  private static String below(String key, String what, double share) {
    return "(" + draw(key, what) + " < " + (long) (share * (MASK + 1)) + ")";
  }

  private static String unit(String key, String what) {
    return "gen_unit(" + draw(key, what) + ")";
  }

  /** 32 random bits of a key for one purpose. */
  private static String draw(String key, String what) {
    return "gen_draw(" + key + ", " + salt(what) + ")";
  }

  private static long salt(String what) {
    return what.hashCode() * 2_246_822_507L & MASK;
  }

  /** A DOUBLE, not a DECIMAL, in every digit. */
  private static String number(double value) {
    return String.format(Locale.ROOT, "%.17e", value);
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "''") + "'";
  }
}
