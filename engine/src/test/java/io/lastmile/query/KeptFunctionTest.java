package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

class KeptFunctionTest {
  private static final int FILES = 4;
  private static final int ROWS = 20_000;

  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir static Path folder;

  /** Four files of 20,000 rows, ids in order over all of them, 2048 rows a row group. */
  @BeforeAll
  static void writeFiles() {
    try (Session session = DUCK.engine().connect()) {
      for (int f = 0; f < FILES; f++) {
        String rows = "range(" + f * ROWS + ", " + (f + 1) * ROWS + ") t(i)";
        session.execute(
            "COPY (SELECT i AS id, i % 100 AS bucket, CASE WHEN i % 5 = 0 THEN 'bad' ELSE"
                + " i::VARCHAR END AS text, [i, i + 1] AS list FROM "
                + rows
                + ") TO "
                + Expressions.literal(file(f))
                + " (FORMAT parquet, ROW_GROUP_SIZE 2048)");
      }
      session.execute("CREATE TABLE blocked AS SELECT i * 7 AS id FROM range(1000000) t(i)");
    }
  }

  private static String file(int f) {
    return folder.resolve(f + ".parquet").toString();
  }

  private static String scan(int f, long first, long last) {
    return "SELECT id, bucket, text, list, file_row_number AS number FROM read_parquet("
        + Expressions.literal(file(f))
        + ", file_row_number=true, hive_partitioning=false) WHERE file_row_number BETWEEN "
        + first
        + " AND "
        + last;
  }

  private static String all() {
    return IntStream.range(0, FILES)
        .mapToObj(f -> scan(f, 0, ROWS - 1))
        .collect(Collectors.joining(" UNION ALL "));
  }

  private static List<Long> ids(String sql, long[] counts) {
    Session session = DUCK.session();
    session.counting(counts);
    return session.rows(sql).stream().map(row -> (Long) row.getFirst()).toList();
  }

  private static List<Long> expected(java.util.function.LongPredicate keep) {
    return LongStream.range(0, (long) FILES * ROWS).filter(keep).boxed().toList();
  }

  @Test
  void countsEachRowOnceAndKeepsTheOrderOfTheFiles() {
    long[] counts = new long[3];
    String code = "CASE WHEN bucket < 10 THEN 1 WHEN bucket >= 50 THEN 2 ELSE 0 END";
    List<Long> ids =
        ids("SELECT id, list FROM (" + all() + ") WHERE lastmile_kept(0, " + code + ")", counts);
    assertThat(ids).isEqualTo(expected(id -> id % 100 >= 10 && id % 100 < 50));
    assertThat(counts).containsExactly(32_000, 8_000, 40_000);
  }

  @Test
  void countsEachRowOnceBehindMembershipInALargeTable() {
    long[] counts = new long[3];
    String code =
        "CASE WHEN (id IN (SELECT id FROM blocked)) IS TRUE THEN 1"
            + " WHEN lastmile_unit(1, 'downsample', NULL, id) >= 0.5 THEN 2 ELSE 0 END";
    String sql = "SELECT id FROM (" + all() + ") WHERE lastmile_kept(0, " + code + ")";
    List<Long> ids = ids(sql, counts);
    assertThat(ids).isSorted().allMatch(id -> id % 7 != 0);
    assertThat(counts[1]).isEqualTo((FILES * ROWS + 6) / 7);
    assertThat(counts[0]).isEqualTo(ids.size());
    assertThat(Arrays.stream(counts).sum()).isEqualTo(FILES * ROWS);
  }

  @Test
  void countsEachRowOnceBehindMembershipByTwoKeys() {
    long[] counts = new long[2];
    String code =
        "CASE WHEN ((id, bucket) IN (SELECT id, id % 100 FROM blocked)) IS TRUE THEN 1 ELSE 0 END";
    List<Long> ids =
        ids("SELECT id FROM (" + all() + ") WHERE lastmile_kept(0, " + code + ")", counts);
    assertThat(ids).isEqualTo(expected(id -> id % 7 != 0));
    assertThat(Arrays.stream(counts).sum()).isEqualTo(FILES * ROWS);
  }

  @Test
  void countsOnlyTheRowsOfTheRowGroupsThatAreRead() {
    long[] counts = new long[2];
    String sources =
        String.join(" UNION ALL ", scan(3, 2048, 4095), scan(0, 0, 2047), scan(1, 18432, 19999));
    String code = "CASE WHEN bucket = 0 THEN 1 ELSE 0 END";
    List<Long> ids =
        ids("SELECT id FROM (" + sources + ") WHERE lastmile_kept(0, " + code + ")", counts);
    List<Long> expected = new ArrayList<>();
    LongStream.range(62_048, 64_096).forEach(expected::add);
    LongStream.range(0, 2048).forEach(expected::add);
    LongStream.range(38_432, 40_000).forEach(expected::add);
    expected.removeIf(id -> id % 100 == 0);
    assertThat(ids).isEqualTo(expected);
    assertThat(Arrays.stream(counts).sum()).isEqualTo(2048 + 2048 + 1568);
  }

  @Test
  void doesNotEvaluateWhatAnEarlierBranchGuards() {
    long[] counts = new long[3];
    String code =
        "CASE WHEN text = 'bad' THEN 1 WHEN CAST(text AS BIGINT) % 2 = 0 THEN 2 ELSE 0 END";
    String sql =
        "SELECT CAST(text AS BIGINT) FROM (" + all() + ") WHERE lastmile_kept(0, " + code + ")";
    assertThat(ids(sql, counts)).isEqualTo(expected(id -> id % 5 != 0 && id % 2 != 0));
    assertThat(counts).containsExactly(32_000, 16_000, 32_000);
  }

  @Test
  void countsConstantCodes() {
    long[] counts = new long[2];
    assertThat(ids("SELECT id FROM (" + all() + ") WHERE lastmile_kept(0, 0)", counts))
        .hasSize(80_000);
    assertThat(ids("SELECT id FROM (" + all() + ") WHERE lastmile_kept(0, 1)", counts)).isEmpty();
    assertThat(counts).containsExactly(80_000, 80_000);
  }

  @Test
  void countsOnlyWhereTheSessionCounts() {
    long[] mine = new long[1];
    long[] others = new long[1];
    try (Session other = DUCK.engine().connect()) {
      other.counting(others);
      DUCK.session().counting(mine);
      try (Rows a = DUCK.session().query("SELECT * FROM range(9000) WHERE lastmile_kept(0, 0)");
          Rows b = other.query("SELECT * FROM range(7000) WHERE lastmile_kept(0, 0)")) {
        boolean more = true;
        while (more) {
          more = a.next() != null;
          more |= b.next() != null;
        }
      }
      assertThat(mine).containsExactly(9000);
      assertThat(others).containsExactly(7000);
      DUCK.session().counting(null);
      assertThat(DUCK.session().rows("SELECT * FROM range(5) WHERE lastmile_kept(0, 0)"))
          .hasSize(5);
      assertThat(mine).containsExactly(9000);
    }
  }

  @Test
  void countsFewRowsBeforeTheyAreAskedFor() {
    long[] counts = new long[1];
    DUCK.session().counting(counts);
    String sql = "SELECT id FROM (" + all() + ") WHERE lastmile_kept(0, 0)";
    try (Rows rows = DUCK.session().query(sql)) {
      assertThat(counts).containsExactly(0);
      assertThat(rows.next()).isNotNull();
      assertThat(counts[0]).isBetween(2048L, 2 * 2048L);
    }
  }

  @Test
  void refusesCodesItCannotCount() {
    DUCK.session().counting(new long[2]);
    assertThat(DUCK.failure("SELECT lastmile_kept(1, 1)").summary())
        .isEqualTo("lastmile_kept: counter 2 (must be in [0, 2))");
    assertThat(DUCK.failure("SELECT lastmile_kept(0, -1)").summary())
        .isEqualTo("lastmile_kept: counter -1 (must be in [0, 2))");
    assertThat(DUCK.failure("SELECT lastmile_kept(0, NULL)").summary())
        .isEqualTo("lastmile_kept: the code is null");
  }
}
