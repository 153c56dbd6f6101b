package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.query.ColumnType.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTest {
  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @Test
  void opensWithTheSettingsThatKeepOrderAndMemory() {
    String settings =
        "SELECT current_setting('threads'), current_setting('temp_directory'),"
            + " current_setting('TimeZone'), current_setting('memory_limit'),"
            + " current_setting('disabled_optimizers'),"
            + " current_setting('autoinstall_known_extensions'),"
            + " current_setting('autoload_known_extensions'),"
            + " current_setting('parquet_metadata_cache'), current_setting('streaming_buffer_size')";
    assertThat(DUCK.session().rows(settings).getFirst())
        .containsExactly(
            1L,
            "",
            "UTC",
            "512.0 MiB",
            "join_order,statistics_propagation,build_side_probe_side",
            false,
            false,
            true,
            "1 byte");
    assertThat(Engine.version()).isEqualTo("v2.0.0");
  }

  @Test
  void refusesAMemoryLimitThatIsNone() {
    assertThatThrownBy(() -> Engine.open(0)).hasMessage("Invalid memory limit: 0 (must be > 0)");
  }

  @Test
  void readsEveryScalarType() {
    String sql =
        """
        SELECT true, 1::TINYINT, -2::SMALLINT, 3::INTEGER, 4::BIGINT, 255::UTINYINT,
          65535::USMALLINT, 4294967295::UINTEGER, 7::UBIGINT, 8::HUGEINT, 1.5::FLOAT, 2.5::DOUBLE,
          DATE '1970-01-02', TIMESTAMP '1970-01-01 00:00:01', TIMESTAMP_S '1970-01-01 00:00:01',
          TIMESTAMP_MS '1970-01-01 00:00:01', TIMESTAMP_NS '1970-01-01 00:00:01',
          TIMESTAMPTZ '1970-01-01 01:00:00+01', TIME '00:00:01', 'é', 'longer than twelve bytes',
          NULL::INTEGER\
        """;
    assertThat(DUCK.session().rows(sql).getFirst())
        .containsExactly(
            true,
            1L,
            -2L,
            3L,
            4L,
            255L,
            65535L,
            4294967295L,
            7L,
            8L,
            1.5,
            2.5,
            1L,
            1_000_000L,
            1L,
            1000L,
            1_000_000_000L,
            0L,
            1_000_000L,
            "é",
            "longer than twelve bytes",
            null);
    assertThat((byte[]) DUCK.value("SELECT '\\x00\\xFF'::BLOB")).containsExactly(0, -1);
  }

  @Test
  void describesWithoutRunning() {
    String sql =
        "SELECT 1 AS a, [1.5::FLOAT] AS b, array_value('x', 'y') AS c, 1.5 AS d, {'x': 1} AS e,"
            + " error('not run') AS f";
    List<ResultColumn> columns = DUCK.session().describe(sql);
    assertThat(columns.subList(0, 5))
        .containsExactly(
            new ResultColumn("a", new ColumnType.Scalar(Kind.INTEGER)),
            new ResultColumn("b", new ColumnType.ListOf(new ColumnType.Scalar(Kind.FLOAT))),
            new ResultColumn("c", new ColumnType.ArrayOf(new ColumnType.Scalar(Kind.VARCHAR), 2)),
            new ResultColumn("d", new ColumnType.Scalar(Kind.DECIMAL)),
            new ResultColumn("e", new ColumnType.Other("STRUCT")));
    assertThat(columns.stream().map(column -> column.type().sql()))
        .startsWith("INTEGER", "FLOAT[]", "VARCHAR[2]", "DECIMAL", "STRUCT");
  }

  /** A word that the user can cast to another type, not the number of the engine's C API. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "INTERVAL",
        "UUID",
        "BIT",
        "TIME WITH TIME ZONE",
        "UHUGEINT",
        "BIGNUM",
        "TIME_NS",
        "VARIANT",
        "GEOMETRY"
      })
  void namesTypesThatItDoesNotRead(String type) {
    String sql = "SELECT CAST(NULL AS " + type + ")";
    assertThat(DUCK.session().describe(sql).getFirst().type())
        .isEqualTo(new ColumnType.Other(type));
  }

  @Test
  void handsOutConstantsDictionariesAndCastsFlat(@TempDir Path folder) {
    String file = Expressions.literal(folder.resolve("dictionary.parquet").toString());
    DUCK.session()
        .execute(
            "COPY (SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'dictionary value ' || i % 5 END s,"
                + " ['e' || i % 3, NULL] AS l FROM range(10000) t(i)) TO "
                + file
                + " (FORMAT parquet, ROW_GROUP_SIZE 4096)");
    String sql =
        "SELECT i, 'k' AS constant, NULL::INTEGER AS nothing, s, l, i::VARCHAR AS text, [s, s] AS"
            + " pair, [7, NULL] AS fixed, list_transform(l, lambda e: 1) AS ones, array_value(i, 3)"
            + " AS two, NULL::INTEGER[] AS none, row_number() OVER () AS row FROM "
            + file
            + " WHERE i % 7 <> 3";
    long seen = 0;
    for (List<?> row : DUCK.session().rows(sql)) {
      long i = (Long) row.getFirst();
      String s = i % 3 == 0 ? null : "dictionary value " + i % 5;
      List<Object> pair = new ArrayList<>();
      pair.add(s);
      pair.add(s);
      assertThat(row.subList(1, 4)).isEqualTo(Arrays.asList("k", null, s));
      assertThat(row.get(4)).isEqualTo(Arrays.asList("e" + i % 3, null));
      assertThat(row.get(5)).isEqualTo(Long.toString(i));
      assertThat(row.get(6)).isEqualTo(pair);
      assertThat(row.get(7)).isEqualTo(Arrays.asList(7L, null));
      assertThat(row.get(8)).isEqualTo(List.of(1L, 1L));
      assertThat(row.get(9)).isEqualTo(List.of(i, 3L));
      assertThat(row.get(10)).isNull();
      assertThat(row.get(11)).isEqualTo(++seen);
    }
    assertThat(seen).isEqualTo(8571);
  }

  @Test
  void streams() {
    // Materialised, these would be 20 GB.
    String sql = "SELECT repeat('x', 1000) || i FROM range(20000000) t(i)";
    try (Rows rows = DUCK.session().query(sql)) {
      long seen = 0;
      for (int i = 0; i < 10; i++) {
        Vectors vectors = rows.next();
        seen += vectors == null ? 0 : vectors.rows();
      }
      assertThat(seen).isGreaterThan(10_000);
    }
    assertThat(DUCK.value("SELECT 1")).isEqualTo(1L);
  }

  @Test
  void givesNothingForNoRows() {
    try (Rows rows = DUCK.session().query("SELECT 1 AS a WHERE false")) {
      assertThat(rows.columns()).hasSize(1);
      assertThat(rows.next()).isNull();
      assertThat(rows.next()).isNull();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          selec | PARSER | syntax error at or near "selec"
          SELECT nofn(1) | CATALOG | Scalar Function with name nofn does not exist! Did you mean "now"?
          SELECT b FROM range(1) t(a) | BINDER | Referenced column "b" not found in FROM clause! Candidate bindings: "a"
          SELECT 'x'::INTEGER | CONVERSION | Could not convert string 'x' to INT32
          SELECT 9223372036854775807 + i FROM range(2) t(i) | OUT_OF_RANGE | Overflow in addition of INT64 (9223372036854775807 + 1)!
          FROM 'none.parquet' | IO | No files found that match the pattern "none.parquet"
          SELECT error('what the user said') | INVALID_INPUT | what the user said
          SELECT i FROM range(1) t(i) WHERE i = ? | INVALID_INPUT | Values were not provided for the following parameters: 1
          SELECT 1; SELECT 2 | INVALID_INPUT | Cannot prepare multiple statements at once!
          SELECT 18446744073709551615::UBIGINT | OUT_OF_RANGE | An integer does not fit 64 bits with sign
          SELECT 1.5 | NOT_IMPLEMENTED | A DECIMAL cannot be read: cast it
          SELECT {'a': 1} AS s | NOT_IMPLEMENTED | Column "s" of type STRUCT cannot be read
          """)
  void namesTheKindOfAFailure(String sql, QueryException.Kind kind, String summary) {
    QueryException failure = DUCK.failure(sql);
    assertThat(failure.summary()).isEqualTo(summary);
    assertThat(failure.kind()).isEqualTo(kind);
  }

  @Test
  void failsWhenMemoryEndsInsteadOfSpilling() {
    String sql = "SELECT i, repeat('x', 1000) || i AS r FROM range(10000000) t(i) ORDER BY r";
    assertThat(DUCK.failure(sql).kind()).isEqualTo(QueryException.Kind.OUT_OF_MEMORY);
    assertThat(DUCK.failure(sql).summary())
        .startsWith("could not allocate block of size")
        .doesNotContain("temporary directory");
    assertThat(DUCK.value("SELECT 1")).isEqualTo(1L);
  }

  @Test
  void failsInTheMiddleOfAStream() {
    String sql =
        "SELECT CASE WHEN i < 9000 THEN 1 ELSE error('at ' || i) END FROM range(10000) t(i)";
    try (Rows rows = DUCK.session().query(sql)) {
      assertThat(rows.next()).isNotNull();
      assertThatThrownBy(
              () -> {
                while (rows.next() != null) {}
              })
          .isInstanceOf(QueryException.class)
          .hasMessage("at 9000");
      assertThat(rows.next()).isNull();
    }
    assertThat(DUCK.value("SELECT 1")).isEqualTo(1L);
  }

  @Test
  void canBeInterruptedFromAnotherThread() throws Exception {
    Session session = DUCK.session();
    try (Rows rows = session.query("SELECT sum(i * 2) FROM range(100000000000) t(i)")) {
      CompletableFuture<Void> interrupt =
          CompletableFuture.runAsync(
              session::interrupt, CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS));
      assertThatThrownBy(rows::next)
          .isInstanceOf(QueryException.class)
          .extracting(e -> ((QueryException) e).kind())
          .isEqualTo(QueryException.Kind.INTERRUPTED);
      interrupt.get();
    }
    assertThat(DUCK.value("SELECT 1")).isEqualTo(1L);
  }

  @Test
  void neverLoadsAnExtension() {
    assertThat(DUCK.failure("FROM read_parquet('https://example.invalid/a.parquet')").summary())
        .isEqualTo(
            "File https://example.invalid/a.parquet requires the extension httpfs to be loaded");
  }

  @Test
  void closesTwice() {
    Engine engine = Engine.open(64L << 20);
    Session session = engine.connect();
    Rows rows = session.query("SELECT 1");
    rows.close();
    rows.close();
    session.close();
    session.close();
    engine.close();
    engine.close();
    assertThat(rows.columns()).hasSize(1);
  }
}
