package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Source;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Expressions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Files with different columns as one table. */
class SchemaUnionTest {
  private static final String ELEMENT = "datasets.train.source.parquet";

  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir private Path folder = Path.of("");

  private void write(String name, String sql) {
    DUCK.session()
        .execute(
            "COPY (%s) TO %s (FORMAT parquet)"
                .formatted(sql, Expressions.literal(folder.resolve(name).toString())));
  }

  private void fixture(String name, String path) throws IOException {
    try (InputStream in = SchemaUnionTest.class.getResourceAsStream(name)) {
      Files.copy(Objects.requireNonNull(in), folder.resolve(path));
    }
  }

  private ParquetTable open(String... paths) {
    Source.Parquet source = Source.Parquet.of(paths).schema(Source.Schema.UNION);
    return ParquetTable.open(DUCK.engine(), source, folder, ELEMENT, 2, new TestScratch(folder));
  }

  private String mistake(String... paths) {
    try {
      throw new AssertionError("no mistake but " + open(paths).columns());
    } catch (LastmileException e) {
      assertThat(e.element()).isEqualTo(ELEMENT);
      return e.text();
    }
  }

  private static String types(ParquetTable table) {
    return table.columns().stream()
        .map(column -> column.name() + " " + column.type().sql())
        .collect(Collectors.joining(", "));
  }

  private static List<List<@Nullable Object>> rows(ParquetTable table, String... columns) {
    return DUCK.session()
        .rows(
            table.files().stream()
                .map(file ->
                    "SELECT %s FROM read_parquet(%s)"
                        .formatted(
                            Stream.of(columns)
                                .map(file.columns()::item)
                                .collect(Collectors.joining(", ")),
                            Expressions.file(file.data())))
                .collect(Collectors.joining(" UNION ALL ")));
  }

  @Test
  void columnsAreThoseOfAllFilesInTheOrderOfTheirFirstAppearance() {
    write("a.parquet", "SELECT 1::TINYINT AS id, 2::INTEGER AS x, [1::INTEGER] AS l");
    write("b.parquet", "SELECT 'new' AS \"na \"\"me\", 0.5::FLOAT AS x, 300::USMALLINT AS id");
    write("c.parquet", "SELECT 5::TINYINT AS id, [NULL, 7::BIGINT] AS l, DATE '2024-01-01' AS d");
    ParquetTable table = open("?.parquet");
    assertThat(types(table)).isEqualTo("id INTEGER, x DOUBLE, l BIGINT[], na \"me VARCHAR, d DATE");
    assertThat(rows(table, "id", "x", "l", "na \"me", "d"))
        .containsExactly(
            Arrays.asList(1L, 2.0, List.of(1L), null, null),
            Arrays.asList(300L, 0.5, null, "new", null),
            Arrays.asList(5L, null, Arrays.asList(null, 7L), null, 19723L));
  }

  @Test
  void filesThatDifferOnlyInOrderAreTheSame() {
    write("a.parquet", "SELECT 1 AS a, 'x' AS b");
    write("b.parquet", "SELECT 'y' AS b, 2 AS a");
    ParquetTable table = open("?.parquet");
    assertThat(table.files())
        .allSatisfy(file -> assertThat(file.columns()).isEqualTo(FileColumns.SAME));
    assertThat(rows(table, "a", "b")).containsExactly(List.of(1L, "x"), List.of(2L, "y"));
  }

  @Test
  void anythingElseNamesBothFiles() {
    write("a.parquet", "SELECT 1 AS id");
    write("b.parquet", "SELECT 2::BIGINT AS id, 1.5 AS x");
    write("c.parquet", "SELECT 'x' AS id");
    write("d.parquet", "SELECT 1 AS ID");
    write("e.parquet", "SELECT 1.0::DOUBLE AS id");
    assertThat(mistake("a.parquet", "b.parquet", "c.parquet"))
        .isEqualTo(
            "Column \"id\" is INTEGER in \"a.parquet\" and VARCHAR in \"c.parquet\" (schema: union cannot widen it; write the files with one type)");
    assertThat(mistake("a.parquet", "b.parquet", "e.parquet"))
        .isEqualTo(
            "Column \"id\" is BIGINT in \"b.parquet\" and DOUBLE in \"e.parquet\" (schema: union cannot widen it; write the files with one type)");
    assertThat(mistake("a.parquet", "d.parquet"))
        .isEqualTo(
            "Columns \"id\" of \"a.parquet\" and \"ID\" of \"d.parquet\" differ only in case, so that none of them can be named (write the files with one name)");
  }

  @Test
  void listsOfAFixedLengthKeepIt() throws IOException {
    fixture("fixed_three.parquet", "a.parquet");
    fixture("fixed_four.parquet", "b.parquet");
    write("c.parquet", "SELECT 1 AS id");
    ParquetTable table = open("a.parquet", "c.parquet");
    assertThat(table.columns())
        .filteredOn(column -> column.name().equals("emb"))
        .singleElement()
        .satisfies(column -> {
          assertThat(column.fixedLength()).isEqualTo(3);
          assertThat(column.type().sql()).isEqualTo("FLOAT[]");
        });
    assertThat(rows(table, "emb", "id").getLast()).isEqualTo(Arrays.asList(null, 1L));
    assertThat(mistake("a.parquet", "b.parquet"))
        .isEqualTo(
            "Column \"emb\" is FLOAT[3] in \"a.parquet\" and FLOAT[4] in \"b.parquet\" (schema: union cannot widen it; write the files with one type)");
  }
}
