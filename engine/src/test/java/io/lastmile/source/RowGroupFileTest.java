package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowGroupFileTest {
  private static final String COLUMNS =
      "range AS id, 'text ' || range % 5 AS text, [range, NULL] AS list,"
          + " CASE WHEN range % 3 = 0 THEN range END AS some";

  @TempDir Path folder;

  private final Engine engine = Engine.open(1 << 28);
  private final Session session = engine.connect();

  @AfterEach
  void close() {
    session.close();
    engine.close();
  }

  private Path copy(String name, String columns, int from, int to) {
    Path path = folder.resolve(name);
    session.execute(
        "COPY (SELECT %s FROM range(%d, %d)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
            .formatted(columns, from, to, path));
    return path;
  }

  private Path joined(Path... files) throws IOException {
    Path path = folder.resolve("joined.parquet");
    try (RowGroupFile joined = RowGroupFile.create(path)) {
      for (Path file : files) {
        joined.append(file);
      }
      joined.finish();
      assertThat(joined.bytes()).isEqualTo(Files.size(path));
    }
    return path;
  }

  private List<List<@Nullable Object>> rows(String query) {
    return session.rows(query);
  }

  @Test
  void theRowsOfAllFilesComeInOrder() throws IOException {
    Path joined =
        joined(
            copy("a", COLUMNS, 0, 5000),
            copy("b", COLUMNS, 5000, 5001),
            copy("c", COLUMNS, 5001, 5001),
            copy("d", COLUMNS, 5001, 9000));
    assertThat(rows("SELECT * FROM read_parquet('" + joined + "')"))
        .isEqualTo(rows("SELECT " + COLUMNS + " FROM range(9000)"));
    assertThat(rows("SELECT num_rows, num_row_groups FROM parquet_file_metadata('" + joined + "')"))
        .isEqualTo(List.of(List.of(9000L, 6L)));
  }

  @Test
  void aReaderSkipsByTheStatisticsOfTheirRowGroups() throws IOException {
    Path joined = joined(copy("a", COLUMNS, 0, 5000), copy("b", COLUMNS, 5000, 9000));
    Footer footer = footer(joined, Set.of("id"));
    assertThat(footer.rowGroups())
        .extracting(RowGroup::firstRow)
        .containsExactly(0L, 2048L, 4096L, 5000L, 7048L);
    assertThat(footer.rowGroups())
        .extracting(group -> group.statistics().get("id"))
        .extracting(statistics -> statistics == null ? "" : statistics.min())
        .containsExactly("0", "2048", "4096", "5000", "7048");
    assertThat(rows("SELECT text FROM read_parquet('" + joined + "') WHERE id = 7777"))
        .isEqualTo(List.of(List.of("text 2")));
    assertThat(rows("SELECT count(*) FROM read_parquet('" + joined + "') WHERE text = 'text 9'"))
        .isEqualTo(List.of(List.of(0L)));
  }

  @Test
  void theBytesOfARowGroupAreThoseOfItsColumnsWhoeverSumsThemUp() throws IOException {
    byte[] written = footer(copy("a", COLUMNS, 0, 5000));
    CompactStruct footer = CompactStruct.read(new CompactReader(written));
    List<CompactStruct> groups = footer.structs(4);
    CompactStruct without =
        footer.structs(4, groups.stream().map(group -> group.without(Set.of(6))).toList());
    assertThat(groups.getFirst().integer(6)).isPositive();
    assertThat(bytes(without.bytes()))
        .isEqualTo(bytes(written))
        .isEqualTo(groups.stream().map(group -> group.integer(6)).toList());
  }

  private static List<Long> bytes(byte[] footer) {
    return parsed(footer, Set.of()).rowGroups().stream().map(RowGroup::compressedBytes).toList();
  }

  private static Footer footer(Path path, Set<String> statistics) throws IOException {
    return parsed(footer(path), statistics);
  }

  private static Footer parsed(byte[] footer, Set<String> statistics) {
    return Footer.parse(footer, in -> FooterSchema.read(in, statistics), ArrowSchema::fixedLengths);
  }

  private static byte[] footer(Path path) throws IOException {
    byte[] bytes = Files.readAllBytes(path);
    int end = bytes.length - 8;
    int length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(end);
    return Arrays.copyOfRange(bytes, end - length, end);
  }

  @Test
  void aFileWithAnotherSchemaIsRefused() throws IOException {
    Path a = copy("a", COLUMNS, 0, 10);
    Path b = copy("b", "range::INTEGER AS id", 0, 10);
    assertThatThrownBy(() -> joined(a, b))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("another schema in " + b);
  }

  @Test
  void aFooterIsWrittenAsItWasRead() throws IOException {
    byte[] footer = footer(copy("a", COLUMNS, 0, 5000));
    assertThat(CompactStruct.read(new CompactReader(footer)).bytes()).isEqualTo(footer);
  }

  @Test
  void fixedLengthsAreRead() {
    Map<String, String> types = new LinkedHashMap<>();
    types.put("pair", "STRUCT(a INTEGER, \"b \"\"c\" DECIMAL(5,2)[])[]");
    types.put("words", "MAP(VARCHAR, FLOAT[])");
    types.put("emb", "FLOAT[]");
    types.put("at", "TIMESTAMP WITH TIME ZONE");
    String schema = ArrowTypes.schema(types, Map.of("emb", 64));
    assertThat(ArrowSchema.fixedLengths(schema)).isEqualTo(Map.of("emb", 64));
    types.put("id", "UUID");
    assertThatThrownBy(() -> ArrowTypes.schema(types, Map.of("emb", 64)))
        .hasMessage(
            "Column \"id\" is UUID, beside which a file cannot say that the lists of emb have a fixed length (cast it to VARCHAR, or drop it)");
  }
}
