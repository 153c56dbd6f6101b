package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Source;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Expressions;
import io.lastmile.query.ResultColumn;
import io.lastmile.source.BoundType.Meaning;
import io.lastmile.source.ColumnStatistics.Family;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the footers say, against what the engine finds in the rows. */
class StatisticsTest {
  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir Path folder;

  private List<RowGroup> rowGroups(String fixture, String... columns) throws IOException {
    Path file = folder.resolve(fixture);
    if (!Files.exists(file)) {
      try (InputStream in = StatisticsTest.class.getResourceAsStream(fixture)) {
        Files.copy(Objects.requireNonNull(in), file);
      }
    }
    return ParquetTable.open(
            DUCK.engine(),
            Source.Parquet.of(fixture),
            folder,
            "source",
            1,
            new TestScratch(folder),
            new Selection((names, tuples) -> tuples, Set.of(columns)))
        .files()
        .getFirst()
        .rowGroups();
  }

  private @Nullable Object value(String sql) {
    return DUCK.session().rows("SELECT CAST(" + sql + " AS VARCHAR)").getFirst().getFirst();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "flag", "same", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "dec9",
        "dec38", "day", "ms", "us", "ns", "us_utc", "ns_utc", "ms_utc", "text", "bytes", "full"
      })
  void theBoundsAreThoseOfTheRows(String column) throws IOException {
    for (RowGroup group : rowGroups("statistics.parquet", column)) {
      ColumnStatistics known = Objects.requireNonNull(group.statistics().get(column));
      String isNumber =
          column.startsWith("f") && !column.startsWith("fl") && !column.equals("full")
              ? " AND NOT isnan(c)"
              : "";
      String rows =
          "(SELECT %s AS c FROM read_parquet(%s, file_row_number=true) WHERE file_row_number BETWEEN %d AND %d)"
              .formatted(
                  column.equals("text") ? "encode(text)" : Expressions.quote(column),
                  Expressions.literal(folder.resolve("statistics.parquet").toString()),
                  group.firstRow(),
                  group.firstRow() + group.rows() - 1);
      List<@Nullable Object> found =
          DUCK.session()
              .rows(
                  "SELECT CAST(min(c) AS VARCHAR), CAST(max(c) AS VARCHAR), any_value(typeof(c)) FROM "
                      + rows
                      + " WHERE c IS NOT NULL"
                      + isNumber)
              .getFirst();
      if (found.getFirst() == null) {
        assertThat(known.bounded()).isFalse();
      } else {
        String type = String.valueOf(found.get(2));
        assertThat(known.bounded()).as(group + "").isTrue();
        assertThat(value("CAST(" + known.min() + " AS " + type + ")")).isEqualTo(found.get(0));
        assertThat(value("CAST(" + known.max() + " AS " + type + ")")).isEqualTo(found.get(1));
      }
      assertThat(known.nulls())
          .isEqualTo(
              DUCK.session()
                  .rows("SELECT count(*) FROM " + rows + " WHERE c IS NULL")
                  .getFirst()
                  .getFirst());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"nan", "null", "clock", "half", "uuid"})
  void aColumnWithoutAnOrderOrValuesHasNoBounds(String column) throws IOException {
    for (RowGroup group : rowGroups("statistics.parquet", column)) {
      ColumnStatistics known = Objects.requireNonNull(group.statistics().get(column));
      assertThat(known.bounded()).as(column).isFalse();
      assertThat(known.nulls()).isNotNull();
    }
  }

  @Test
  void onlyWhatWasAskedForIsRead() throws IOException {
    RowGroup group = rowGroups("statistics.parquet", "I32", "list", "no_such").getFirst();
    assertThat(group.statistics().keySet()).containsExactly("i32");
    assertThat(rowGroups("statistics.parquet").getFirst().statistics()).isEmpty();
  }

  @Test
  void statisticsMayBeMissing() throws IOException {
    Map<String, ColumnStatistics> known =
        rowGroups("int96.parquet", "i64", "ns").getFirst().statistics();
    assertThat(known.keySet()).containsExactly("i64");
  }

  @Test
  void theEnginesOwnFilesAreUnderstood() throws IOException {
    DUCK.session()
        .execute(
            "COPY (SELECT range AS a FROM range(10)) TO '%s' (FORMAT parquet)"
                .formatted(folder.resolve("own.parquet")));
    assertThat(rowGroups("own.parquet", "a").getFirst().statistics())
        .isEqualTo(Map.of("a", new ColumnStatistics(Family.NUMBER, "0", "9", 0L)));
  }

  @Test
  void boundsThatSayNothingAreLeftOut() {
    BoundType real = new BoundType(BoundType.FLOAT, Meaning.NONE, 0, 0);
    assertThat(real.sql(new byte[] {0, 0, (byte) 0xC0, 0x7F})).isNull();
    assertThat(real.sql(new byte[] {0, 0, (byte) 0x80, (byte) 0xFF}))
        .isEqualTo("CAST('-inf' AS FLOAT)");
    assertThat(real.sql(new byte[] {0, 0, 0, (byte) 0x80})).isEqualTo("CAST('-0.0' AS FLOAT)");
    assertThat(real.sql(new byte[3])).isNull();
    BoundType text = new BoundType(BoundType.BYTE_ARRAY, Meaning.TEXT, 0, 0);
    byte[] cut = "ü".getBytes(StandardCharsets.UTF_8);
    assertThat(text.sql(new byte[] {cut[0]})).isEqualTo("unhex('c3')");
    BoundType money = new BoundType(BoundType.FIXED_LEN_BYTE_ARRAY, Meaning.DECIMAL, 4, 2);
    assertThat(money.sql(new byte[] {(byte) 0xFF, (byte) 0x85}))
        .isEqualTo("CAST('-1.23' AS DECIMAL(4, 2))");
    assertThat(money.sql(new byte[] {0x7F, 0, 0})).isNull();
    BoundType instant = new BoundType(BoundType.INT64, Meaning.MILLISECONDS, 0, 0);
    assertThat(instant.sql(new byte[] {0, 0, 0, 0, 0, 0, 0, 0x7F})).isNull();
    assertThat(new BoundType(BoundType.INT64, Meaning.OTHER, 0, 0).family()).isNull();
  }

  @Test
  void columnsWrittenAlikeHaveTheTypesThatTheEngineGivesThem() throws IOException {
    int groups = rowGroups("statistics.parquet").size();
    assertThat(groups).isEqualTo(2);
    String scan =
        "read_parquet(%s)"
            .formatted(Expressions.literal(folder.resolve("statistics.parquet") + ""));
    assertThat(
            ParquetTable.open(
                    DUCK.engine(),
                    Source.Parquet.of("statistics.parquet"),
                    folder,
                    "source",
                    1,
                    new TestScratch(folder))
                .columns()
                .stream()
                .map(column -> new ResultColumn(column.name(), column.type())))
        .containsExactlyElementsOf(DUCK.session().describe("SELECT * FROM " + scan));
  }
}
