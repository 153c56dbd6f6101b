package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Expressions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Arrow files as tables. The fixtures are pyarrow's: 20 rows in two batches, of the file and the
 * stream format.
 */
class ArrowFileTest {
  private static final String ELEMENT = "datasets.train.source.arrow";
  private static final int ROWS = 20;

  /** Every word would take a minute. */
  private static final int STRIDE = 7 * Integer.BYTES;

  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @TempDir private Path scratch = Path.of("");

  private byte[] fixture(String name) throws IOException {
    try (InputStream in = ArrowFileTest.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(in).readAllBytes();
    }
  }

  private ParquetTable open(byte[] bytes) throws IOException {
    Files.write(folder.resolve("a.arrow"), bytes);
    return ParquetTable.open(
        DUCK.engine(), Source.Arrow.of("a.arrow"), folder, ELEMENT, 1, new TestScratch(scratch));
  }

  private static List<List<@Nullable Object>> rows(ParquetTable table, String columns) {
    Path data = table.files().getFirst().data();
    return DUCK.session()
        .rows("SELECT %s FROM read_parquet(%s)".formatted(columns, Expressions.file(data)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"every_kind.arrow", "every_kind.arrows"})
  void hasTheTypesAndValuesOfTheFile(String name) throws IOException {
    ParquetTable table = open(fixture(name));
    assertThat(
            table.columns().stream()
                .map(column ->
                    column.name() + " " + column.type().sql() + " " + column.fixedLength())
                .collect(Collectors.joining(", ")))
        .isEqualTo(
            "id INTEGER null, text VARCHAR null, coded VARCHAR null, list BIGINT[] null,"
                + " words VARCHAR[] null, fixed FLOAT[] 3, flag BOOLEAN null, pair STRUCT null");
    List<List<@Nullable Object>> rows =
        rows(table, "id, text, coded, list, words, fixed, flag, pair.b");
    assertThat(rows).hasSize(ROWS);
    assertThat(rows.get(13))
        .containsExactly(
            13L,
            "text 13",
            "b",
            List.of(13L),
            List.of("x"),
            List.of(13.0, 14.0, 15.0),
            false,
            "13");
    assertThat(rows.get(14))
        .isEqualTo(
            Arrays.asList(
                14L,
                null,
                null,
                Arrays.asList(14L, null),
                List.of("x", "yy"),
                List.of(14.0, 15.0, 16.0),
                true,
                "14"));
  }

  /** A wrong word anywhere is refused or harmless: it never reaches the engine's own memory. */
  @ParameterizedTest
  @ValueSource(strings = {"every_kind.arrow", "every_kind.arrows"})
  void damageIsRefusedOrHarmless(String name) throws IOException {
    byte[] good = fixture(name);
    int refused = 0;
    for (int at = 0; at + Integer.BYTES <= good.length; at += STRIDE) {
      for (int word : new int[] {-1, 1_000_000, Integer.MAX_VALUE}) {
        byte[] bad = good.clone();
        ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putInt(at, word);
        refused += Arrays.equals(bad, good) || isHarmless(bad) ? 0 : 1;
      }
    }
    assertThat(refused).isGreaterThan(100);
  }

  private boolean isHarmless(byte[] bytes) throws IOException {
    try {
      assertThat(rows(open(bytes), "count(*)").size()).isLessThanOrEqualTo(ROWS);
      return true;
    } catch (LastmileException e) {
      assertThat(e.kind()).as(e.text()).isIn(FailureKind.USER, FailureKind.RESOURCES);
      assertThat(e.text()).contains("\"a.arrow\"");
      return false;
    }
  }
}
