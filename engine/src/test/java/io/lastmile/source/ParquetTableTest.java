package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Expressions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
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

class ParquetTableTest {
  private static final String ELEMENT = "datasets.train.source.parquet";

  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir Path folder;

  private Path write(String path, String select, String... options) throws IOException {
    Path file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    String more = String.join(", ", options);
    DUCK.session()
        .execute(
            "COPY ("
                + select
                + ") TO "
                + Expressions.literal(file.toString())
                + " (FORMAT parquet"
                + (more.isEmpty() ? "" : ", " + more)
                + ")");
    return file;
  }

  private void fixture(String name, String path) throws IOException {
    try (InputStream in = ParquetTableTest.class.getResourceAsStream(name)) {
      Files.copy(Objects.requireNonNull(in), folder.resolve(path));
    }
  }

  private ParquetTable open(String... paths) {
    return open(Selection.ALL, paths);
  }

  private ParquetTable open(Selection selection, String... paths) {
    Source.Parquet source = Source.Parquet.of(paths);
    return ParquetTable.open(
        DUCK.engine(), source, folder, ELEMENT, 2, new TestScratch(folder), selection);
  }

  private String mistake(String... paths) {
    try {
      ParquetTable table = open(paths);
      throw new AssertionError("no mistake but " + table.files());
    } catch (LastmileException e) {
      assertThat(e.kind()).isEqualTo(FailureKind.USER);
      assertThat(e.element()).isEqualTo(ELEMENT);
      return e.text();
    }
  }

  private static List<String> names(ParquetTable table) {
    return table.files().stream().map(TableFile::relative).toList();
  }

  @Test
  void readsRowGroupsAndColumns() throws IOException {
    Path file =
        write(
            "a.parquet",
            "SELECT i::INTEGER AS id, [i, i, NULL] AS list, CASE WHEN i > 0 THEN [i] END AS some,"
                + " {'x': i} AS struct, i::VARCHAR AS text FROM range(5000) t(i)",
            "ROW_GROUP_SIZE 2048");
    ParquetTable table = open("a.parquet");
    assertThat(table.rows()).isEqualTo(5000);
    assertThat(table.root()).isEqualTo(folder);
    assertThat(table.columns())
        .containsExactly(
            column("id", Kind.INTEGER),
            list("list", Kind.BIGINT, null),
            list("some", Kind.BIGINT, null),
            new TableColumn("struct", new ColumnType.Other("STRUCT"), null),
            column("text", Kind.VARCHAR));
    TableFile only = table.files().getFirst();
    assertThat(only.path()).isEqualTo(file);
    assertThat(only.relative()).isEqualTo("a.parquet");
    assertThat(only.bytes()).isEqualTo(Files.size(file));
    assertThat(only.modified()).isEqualTo(Files.getLastModifiedTime(file).toInstant());
    assertThat(only.partitions()).isEmpty();
    assertThat(only.rowGroups().stream().map(RowGroup::ordinal)).containsExactly(0, 1, 2);
    assertThat(only.rowGroups().stream().map(RowGroup::firstRow)).containsExactly(0L, 2048L, 4096L);
    assertThat(only.rowGroups().stream().map(RowGroup::rows)).containsExactly(2048L, 2048L, 904L);
    assertThat(only.rowGroups().getLast().listValues())
        .isEqualTo(Map.of("list", 3 * 904L, "some", 904L));
  }

  @Test
  void readsSizesAsTheEngineDoes() throws IOException {
    Path file =
        write(
            "a.parquet",
            "SELECT i, repeat('x', 100) || i AS s, [i] AS l FROM range(9000) t(i)",
            "ROW_GROUP_SIZE 2048",
            "COMPRESSION zstd");
    String sizes =
        "SELECT row_group_id, sum(total_compressed_size)"
            + " FROM parquet_metadata("
            + Expressions.literal(file.toString())
            + ") GROUP BY ALL ORDER BY ALL";
    List<RowGroup> rowGroups = open("a.parquet").files().getFirst().rowGroups();
    assertThat(
            rowGroups.stream()
                .map(group -> List.<Object>of((long) group.ordinal(), group.compressedBytes())))
        .isEqualTo(DUCK.session().rows(sizes));
  }

  private static TableColumn column(String name, Kind kind) {
    return new TableColumn(name, new ColumnType.Scalar(kind), null);
  }

  private static TableColumn list(String name, Kind kind, @Nullable Integer length) {
    return new TableColumn(name, new ColumnType.ListOf(new ColumnType.Scalar(kind)), length);
  }

  @Test
  void readsLengthsOfArrowsFixedSizeLists() throws IOException {
    fixture("fixed_three.parquet", "three.parquet");
    ParquetTable table = open("three.parquet");
    assertThat(table.columns().subList(1, 3))
        .containsExactly(list("emb", Kind.FLOAT, 3), list("tags", Kind.VARCHAR, null));
    assertThat(table.files().getFirst().rowGroups().getFirst().listValues())
        .isEqualTo(Map.of("emb", 6L, "tags", 2L));
  }

  @Test
  void sortsByTheBytesOfRelativePaths() throws IOException {
    for (String name : List.of("b/a", "b.c", "B", "é", "😀", "\uFF5E", "b-1")) {
      write(name + ".parquet", "SELECT 1 AS a");
    }
    assertThat(names(open(".")))
        .containsExactly(
            "B.parquet",
            "b-1.parquet",
            "b.c.parquet",
            "b/a.parquet",
            "é.parquet",
            "\uFF5E.parquet",
            "😀.parquet");
  }

  @Test
  void readsFoldersWithoutWhatIsHidden() throws IOException {
    for (String name : List.of("d/x/a", "d/b", "d/_c", "d/.d", "d/_delta/e", "d/.git/f", "other")) {
      write(name + ".parquet", "SELECT 1 AS a");
    }
    Files.writeString(folder.resolve("d/_SUCCESS"), "");
    Files.writeString(folder.resolve("d/readme.txt"), "no table");
    assertThat(names(open("d"))).containsExactly("b.parquet", "x/a.parquet");
    assertThat(open("d").root()).isEqualTo(folder.resolve("d"));
    assertThat(names(open(folder.resolve("d").toString()))).hasSize(2);
  }

  @Test
  void readsPartitionsFromFolders() throws IOException {
    write("t/dt=2024-01-02/country=de/a.parquet", "SELECT 1 AS a");
    write("t/dt=2024-01-01/country=a%2Fb+c/a.parquet", "SELECT 1 AS a");
    ParquetTable table = open("t");
    assertThat(table.files().stream().map(TableFile::partitions))
        .containsExactly(
            Map.of("dt", "2024-01-01", "country", "a/b+c"),
            Map.of("dt", "2024-01-02", "country", "de"));
    assertThat(table.columns())
        .containsExactly(
            column("a", Kind.INTEGER), column("dt", Kind.DATE), column("country", Kind.VARCHAR));
    assertThat(open("t/dt=2024-01-02/country=de/*.parquet").files().getFirst().partitions())
        .isEmpty();
  }

  @Test
  void filesOfPartitionsThatAreNotReadAreNotOpened() throws IOException {
    write("t/dt=2024-01-02/a.parquet", "SELECT 1 AS a");
    Files.createDirectories(folder.resolve("t/dt=2024-01-01"));
    Files.writeString(folder.resolve("t/dt=2024-01-01/a.parquet"), "no Parquet");
    Selection second =
        new Selection(
            (columns, tuples) -> {
              assertThat(columns).containsExactly(column("dt", Kind.DATE));
              assertThat(tuples)
                  .containsExactly(
                      List.of("CAST('2024-01-01' AS DATE)"), List.of("CAST('2024-01-02' AS DATE)"));
              return Set.of(List.of("CAST('2024-01-02' AS DATE)"));
            },
            Set.of());
    ParquetTable table = open(second, "t");
    assertThat(names(table)).containsExactly("dt=2024-01-02/a.parquet");
    assertThat(table.found()).isEqualTo(2);
    assertThat(mistake("t"))
        .isEqualTo("\"t/dt=2024-01-01/a.parquet\" is no Parquet file (no PAR1 magic at its end)");
  }

  @Test
  void theFirstFileGivesTheColumnsWhenNoPartitionIsRead() throws IOException {
    write("t/dt=1/a.parquet", "SELECT 1 AS a");
    write("t/dt=2/a.parquet", "SELECT 1 AS a, 2 AS b");
    ParquetTable table = open(new Selection((columns, tuples) -> Set.of(), Set.of()), "t");
    assertThat(table.columns())
        .containsExactly(column("a", Kind.INTEGER), column("dt", Kind.BIGINT));
    assertThat(names(table)).containsExactly("dt=1/a.parquet");
    assertThat(table.rows()).isZero();
  }

  @Test
  void readsListsAndGlobs() throws IOException {
    for (String name : List.of("x/1/a", "x/1/b", "x/2/a", "y/a")) {
      write(name + ".parquet", "SELECT 1 AS a");
    }
    assertThat(names(open("x/*/a.parquet"))).containsExactly("1/a.parquet", "2/a.parquet");
    assertThat(names(open("x/1/{a,b}.parquet"))).containsExactly("a.parquet", "b.parquet");
    assertThat(names(open("**/a.parquet")))
        .containsExactly("x/1/a.parquet", "x/2/a.parquet", "y/a.parquet");
    ParquetTable listed = open("y/a.parquet", "x/1/b.parquet", "x/2");
    assertThat(names(listed)).containsExactly("x/1/b.parquet", "x/2/a.parquet", "y/a.parquet");
    assertThat(listed.root()).isEqualTo(folder);
  }

  @Test
  void takesANameWithWildcardsThatExists() throws IOException {
    write("part[1].parquet", "SELECT 1 AS a");
    assertThat(names(open("part[1].parquet"))).containsExactly("part[1].parquet");
  }

  @Test
  void acceptsFilesWithoutRows() throws IOException {
    write("a.parquet", "SELECT 1 AS a WHERE false");
    assertThat(open("a.parquet").rows()).isEqualTo(0);
  }

  @Test
  void acceptsSchemasThatDifferOnlyInWriting() throws IOException {
    write("a.parquet", "SELECT 1 AS a, 'x' AS b");
    write(
        "b.parquet",
        "SELECT 'y' AS b, CASE WHEN i > 0 THEN i::INTEGER END AS a FROM range(2) t(i)");
    ParquetTable table = open(".");
    assertThat(table.columns())
        .containsExactly(column("a", Kind.INTEGER), column("b", Kind.VARCHAR));
    assertThat(table.rows()).isEqualTo(3);
  }

  @Test
  void readsManyFilesWithSeveralThreads() throws IOException {
    for (int i = 0; i < 60; i++) {
      write("d/" + i + ".parquet", "SELECT range AS a FROM range(" + i + ")");
    }
    assertThat(open("d").rows()).isEqualTo(60 * 59 / 2);
    Files.writeString(folder.resolve("d/3.parquet"), "a,b,c,d,e,f");
    Files.writeString(folder.resolve("d/4.parquet"), "a,b,c,d,e,f");
    assertThat(mistake("d"))
        .isEqualTo("\"d/3.parquet\" is no Parquet file (no PAR1 magic at its end)");
  }

  @Test
  void namesAMissingFileAndTheNearest() throws IOException {
    write("data/users.parquet", "SELECT 1 AS a");
    assertThat(mistake("data/users.parqet"))
        .isEqualTo("No such file: \"data/users.parqet\" (did you mean \"users.parquet\"?)");
    assertThat(mistake("data/ratings.parquet")).isEqualTo("No such file: \"data/ratings.parquet\"");
    assertThat(mistake("dat/users.parquet")).isEqualTo("No such file: \"dat/users.parquet\"");
  }

  @Test
  void saysWhereAGlobLooked() throws IOException {
    write("data/a.parquet", "SELECT 1 AS a");
    assertThat(mistake("data/*.parq"))
        .isEqualTo("No file matches \"data/*.parq\" (looked in " + folder.resolve("data") + ")");
    assertThat(mistake("dota/*.parquet"))
        .isEqualTo(
            "No file matches \"dota/*.parquet\": there is no folder " + folder.resolve("dota"));
    assertThat(mistake("data/[a.parquet"))
        .isEqualTo("Invalid path: \"data/[a.parquet\" ('[' is not closed)");
  }

  @Test
  void saysWhatAFolderLacks() throws IOException {
    Files.createDirectories(folder.resolve("empty"));
    assertThat(mistake("empty"))
        .isEqualTo(
            "No Parquet file in \"empty\": no name below "
                + folder.resolve("empty")
                + " ends in .parquet");
  }

  @Test
  void refusesAFileThatIsThereTwice() throws IOException {
    write("a.parquet", "SELECT 1 AS a");
    assertThat(mistake("a.parquet", "*.parquet")).isEqualTo("\"a.parquet\" is in the source twice");
    assertThat(mistake("./a.parquet", "a.parquet"))
        .isEqualTo("\"a.parquet\" is in the source twice");
  }

  @Test
  void refusesWhatIsNoParquet() throws IOException {
    Files.writeString(folder.resolve("x.csv"), "a,b\n1,2\n3,4\n");
    Files.writeString(folder.resolve("tiny"), "a");
    Files.writeString(folder.resolve("empty.parquet"), "");
    Files.writeString(folder.resolve("secret.parquet"), "PAR1    0000PARE");
    assertThat(mistake("x.csv"))
        .isEqualTo("\"x.csv\" is no Parquet file (no PAR1 magic at its end)");
    assertThat(mistake("tiny")).isEqualTo("\"tiny\" is no Parquet file (no PAR1 magic at its end)");
    assertThat(mistake("empty.parquet")).isEqualTo("\"empty.parquet\" is empty (0 bytes)");
    assertThat(mistake("secret.parquet"))
        .isEqualTo("\"secret.parquet\" is encrypted (not supported yet)");
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 11, 12, 100, 5000})
  void refusesATruncatedFile(int length) throws IOException {
    Path file = write("a.parquet", "SELECT i, i::VARCHAR AS s FROM range(10000) t(i)");
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, length));
    assertThat(mistake("a.parquet"))
        .isEqualTo("\"a.parquet\" is truncated (no PAR1 magic at its end)");
  }

  @Test
  void refusesADamagedFooter() throws IOException {
    Path file = write("a.parquet", "SELECT i, i::VARCHAR AS s FROM range(100) t(i)");
    byte[] whole = Files.readAllBytes(file);
    byte[] longer = whole.clone();
    longer[longer.length - 6] = 0x7F;
    Files.write(file, longer);
    assertThat(mistake("a.parquet")).isEqualTo("\"a.parquet\" has a damaged footer");
    byte[] zeros = whole.clone();
    Arrays.fill(zeros, zeros.length - 200, zeros.length - 8, (byte) 0);
    Files.write(file, zeros);
    assertThat(mistake("a.parquet")).startsWith("\"a.parquet\" has a damaged footer");
  }

  @Test
  void refusesAFileThatItMayNotRead() throws IOException {
    Path file = write("a.parquet", "SELECT 1 AS a");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    assumeThat(Files.isReadable(file)).as("the superuser reads everything").isFalse();
    assertThat(mistake("a.parquet")).isEqualTo("Cannot read \"a.parquet\": permission denied");
  }

  @Test
  void refusesSchemasThatDiffer() throws IOException {
    write("a.parquet", "SELECT 1 AS a, 'x' AS b");
    write("b/type.parquet", "SELECT 1::BIGINT AS a, 'x' AS b");
    write("b/less.parquet", "SELECT 1 AS a");
    write("b/more.parquet", "SELECT 1 AS a, 'x' AS b, 2 AS c");
    assertThat(mistake("a.parquet", "b/type.parquet"))
        .isEqualTo(
            "Column \"a\" is INTEGER in \"a.parquet\" and BIGINT in \"b/type.parquet\" (schema: union widens it)");
    assertThat(mistake("a.parquet", "b/less.parquet"))
        .isEqualTo(
            "Column \"b\" is in \"a.parquet\" but not in \"b/less.parquet\" (schema: union makes it null there)");
    assertThat(mistake("a.parquet", "b/more.parquet"))
        .isEqualTo(
            "Column \"c\" is in \"b/more.parquet\" but not in \"a.parquet\" (schema: union makes it null there)");
  }

  @Test
  void refusesFixedListsOfDifferentLengths() throws IOException {
    fixture("fixed_three.parquet", "a.parquet");
    fixture("fixed_four.parquet", "b.parquet");
    write("c.parquet", "SELECT * FROM " + Expressions.literal(folder.resolve("a.parquet") + ""));
    String remedy = " (write the files with one type)";
    assertThat(mistake("a.parquet", "b.parquet"))
        .isEqualTo(
            "Column \"emb\" is FLOAT[3] in \"a.parquet\" and FLOAT[4] in \"b.parquet\"" + remedy);
    assertThat(mistake("a.parquet", "c.parquet"))
        .isEqualTo(
            "Column \"emb\" is FLOAT[3] in \"a.parquet\" and FLOAT[] in \"c.parquet\"" + remedy);
  }
}
