package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Expressions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** CSV and JSON lines become tables, or one clear message. */
class SmallTablesTest {
  private static final String ELEMENT = "datasets.train.source";

  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @TempDir private Path scratch = Path.of("");

  private void write(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve(name).getParent());
    Files.writeString(folder.resolve(name), text);
  }

  private ParquetTable open(Source.Files source) {
    return ParquetTable.open(DUCK.engine(), source, folder, ELEMENT, 2, new TestScratch(scratch));
  }

  private String mistake(Source.Files source) {
    try {
      throw new AssertionError("no mistake but " + types(open(source)));
    } catch (LastmileException e) {
      assertThat(e.kind()).isEqualTo(FailureKind.USER);
      assertThat(e.element()).isEqualTo(ELEMENT);
      return e.text();
    }
  }

  private static String types(ParquetTable table) {
    return table.columns().stream()
        .map(column -> column.name() + " " + column.type().sql())
        .collect(Collectors.joining(", "));
  }

  private static List<List<@Nullable Object>> rows(ParquetTable table, String columns) {
    String files =
        table.files().stream()
            .map(file -> Expressions.file(file.data()))
            .collect(Collectors.joining(", "));
    return DUCK.session().rows("SELECT %s FROM read_parquet([%s])".formatted(columns, files));
  }

  @Test
  void csvHasTheTypesOfAllItsValues() throws IOException {
    write(
        "a.csv",
        """
        id,big,name,x,n,day,at,zone,flag,none,code
        1,18446744073709551615,"a, ""b""
         c",1.5,1,2024-01-01,2024-01-01 10:00:00,2024-01-01T10:00:00Z,true,,00000000000000000000001
        -2,1,,2,7,2024-02-29,2024-01-01T10:00:00.25,2024-01-01 12:00:00+02:00,FALSE,"",1
        ,,,,,,,,,,
        """);
    ParquetTable table = open(Source.Csv.of("a.csv"));
    assertThat(types(table))
        .isEqualTo(
            "id BIGINT, big UBIGINT, name VARCHAR, x DOUBLE, n BIGINT, day DATE, at TIMESTAMP,"
                + " zone TIMESTAMP WITH TIME ZONE, flag BOOLEAN, none VARCHAR, code VARCHAR");
    assertThat(
            rows(
                table,
                "id, name, x, n, day, epoch_us(\"at\"), epoch_us(zone), flag, none, big::VARCHAR, code"))
        .containsExactly(
            Arrays.asList(
                1L,
                "a, \"b\"\n c",
                1.5,
                1L,
                19723L,
                1704103200000000L,
                1704103200000000L,
                true,
                null,
                "18446744073709551615",
                "00000000000000000000001"),
            Arrays.asList(
                -2L,
                null,
                2.0,
                7L,
                19782L,
                1704103200250000L,
                1704103200000000L,
                false,
                null,
                "1",
                "1"),
            Arrays.asList(null, null, null, null, null, null, null, null, null, null, null));
    assertThat(table.rows()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 2|BIGINT",
        "1 x|VARCHAR",
        "1 2.5|DOUBLE",
        "1e3 nan -inf|DOUBLE",
        "99999999999999999999 1|VARCHAR",
        "-1 18446744073709551615|VARCHAR",
        "2024-01-01 2024-02-30|VARCHAR",
        "2024-1-1|VARCHAR",
        "true 1|VARCHAR",
        "2024-01-01T00:00:00 2024-01-01T00:00:00Z|VARCHAR",
        "2024-01-01T00:00:00.123456789|VARCHAR",
        "0x10|VARCHAR",
        "1 1e400|VARCHAR",
        "-1e400 inf|VARCHAR",
        "1e308 1e-400 -Infinity|DOUBLE",
        "0 -0 +0|BIGINT",
        "0.5 -0.5 00.5|VARCHAR",
        "0.5 -0.5 .5 0e00 1e-05|DOUBLE",
        "01234|VARCHAR",
        "1 -02|VARCHAR",
        "1.5 007|VARCHAR",
        "18446744073709551615 01|VARCHAR",
        "00|VARCHAR",
        "1_000|VARCHAR",
      })
  void aCsvColumnIsTextUnlessAllValuesAreMore(String values, String type) throws IOException {
    write("a.csv", "v\n" + values.replace(' ', '\n') + "\n");
    assertThat(types(open(Source.Csv.of("a.csv")))).isEqualTo("v " + type);
  }

  @Test
  void theTypesAreThoseOfAllFilesAndTheIdentityIsThatOfTheOriginals() throws IOException {
    write("t/b.csv", "x,id\r\n2.5,1\r\n");
    write("t/a.csv", "id,x\n3,4\n5,6");
    write("t/_skipped.csv", "no");
    ParquetTable table = open(Source.Csv.of("t"));
    assertThat(types(table)).isEqualTo("id BIGINT, x DOUBLE");
    assertThat(table.files()).extracting(TableFile::relative).containsExactly("a.csv", "b.csv");
    assertThat(table.files())
        .extracting(TableFile::path)
        .containsExactly(folder.resolve("t/a.csv"), folder.resolve("t/b.csv"));
    assertThat(table.files()).extracting(TableFile::bytes).containsExactly(12L, 13L);
    assertThat(table.files())
        .allSatisfy(file -> assertThat(file.data().getParent()).isEqualTo(scratch));
    assertThat(rows(table, "id, x"))
        .containsExactly(List.of(3L, 4.0), List.of(5L, 6.0), List.of(1L, 2.5));
  }

  @Test
  void rowsKeepTheirOrderInRowGroupsOf8192() throws IOException {
    StringBuilder csv = new StringBuilder("id\n");
    StringBuilder json = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      csv.append(i).append('\n');
      json.append("{\"id\": ").append(i).append("}\n");
    }
    write("a.csv", csv.toString());
    write("a.jsonl", json.toString());
    for (Source.Files source : List.of(Source.Csv.of("a.csv"), Source.JsonLines.of("a.jsonl"))) {
      ParquetTable table = open(source);
      assertThat(table.files().getFirst().rowGroups())
          .extracting(RowGroup::rows)
          .containsExactly(8192L, 8192L, 3616L);
      List<List<@Nullable Object>> rows = rows(table, "id");
      for (int i = 0; i < rows.size(); i++) {
        assertThat(rows.get(i)).containsExactly((long) i);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|\"a.csv\" is empty (the first line must name the columns)",
        "id,,x|Column 2 of \"a.csv\" has no name (the first line must name the columns)",
        "id,ID|Columns \"id\" and \"ID\" of \"a.csv\" differ at most in case, so that none of them can be named (write the file with other names)",
        "id,n;1,2;3;4,5|\"a.csv\", line 3: 1 values instead of 2: 3 (must be comma-separated values as in RFC 4180)",
        "id,n;1,2,3|\"a.csv\", line 2: 3 values instead of 2: 1,2,3 (must be comma-separated values as in RFC 4180)",
        "id,n;1,\"a;b;2,3;|\"a.csv\", line 2: a quoted value without an end: 1,\"a (must be comma-separated values as in RFC 4180)",
        "id,n;1,\"a\"b|\"a.csv\", line 2: text behind a closing quote: 1,\"a\"b (must be comma-separated values as in RFC 4180)",
        "id,n;1,a\"b|\"a.csv\", line 2: a quote in a value without quotes: 1,a\" (must be comma-separated values as in RFC 4180)",
        "id,n;1, \"a\"|\"a.csv\", line 2: a quote in a value without quotes: 1, \" (must be comma-separated values as in RFC 4180)",
        "id,n\"\"|\"a.csv\", line 1: a quote in a value without quotes: id,n\" (must be comma-separated values as in RFC 4180)",
        "id,n;1,2\\r;3,4|\"a.csv\", line 2: a line end unlike that of the first line: 1,2 (must be comma-separated values as in RFC 4180)",
        "id,n;1\\r2|\"a.csv\", line 2: a carriage return without a line feed: 1 2 (must be comma-separated values as in RFC 4180)",
      })
  void csvMistakes(String text, String message) throws IOException {
    write("a.csv", text.replace(';', '\n').replace("\\r", "\r"));
    assertThat(mistake(Source.Csv.of("a.csv")).replaceAll("[\\r\\n]", " "))
        .isEqualTo(message.replace("1,\"a (", "1,\"a b 2,3 ("));
  }

  @Test
  void csvMustBeUtf8() throws IOException {
    Files.write(folder.resolve("a.csv"), "id,n\n1,\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(mistake(Source.Csv.of("a.csv")))
        .startsWith("Cannot read \"a.csv\": CSV Error on Line: 2")
        .contains("not utf-8")
        .doesNotContain("Possible");
  }

  @Test
  void csvFilesMustHaveTheSameColumns() throws IOException {
    write("a.csv", "id,n\n");
    write("b.csv", "id,m\n");
    write("c.csv", "id\n");
    assertThat(mistake(Source.Csv.of("a.csv", "b.csv")))
        .isEqualTo(
            "Column \"m\" is in \"b.csv\" but not in \"a.csv\" (the CSV files of a source must have the same columns)");
    assertThat(mistake(Source.Csv.of("a.csv", "c.csv")))
        .isEqualTo(
            "Column \"n\" is in \"a.csv\" but not in \"c.csv\" (the CSV files of a source must have the same columns)");
  }

  @Test
  void blankLinesAreNoRowsUnlessThereIsOnlyOneColumn() throws IOException {
    write("a.csv", "id,n\n\n1,2\n\n3,4\n\n");
    write("b.csv", "\uFEFFid\n\n1\n\n");
    assertThat(rows(open(Source.Csv.of("a.csv")), "id, n"))
        .containsExactly(List.of(1L, 2L), List.of(3L, 4L));
    assertThat(rows(open(Source.Csv.of("b.csv")), "id"))
        .containsExactly(Arrays.asList((Object) null), List.of(1L), Arrays.asList((Object) null));
  }

  @Test
  void jsonHasTheKeysOfAllObjectsAndTheTypesOfJson() throws IOException {
    write(
        "a.jsonl",
        """
        {"id":1,"name":"x","l":[1,2],"f":1.5,"b":true,"d":"2024-01-01","n":null}

        {"id":-2,"name":null,"l":[],"f":2,"s":{"a":[0.5]}}
        """);
    write("b.jsonl", "{\"more\":\"550e8400-E29B-41d4-a716-446655440000\",\"id\":3}");
    ParquetTable table = open(Source.JsonLines.of("a.jsonl", "b.jsonl"));
    assertThat(types(table))
        .isEqualTo(
            "id BIGINT, name VARCHAR, l BIGINT[], f DOUBLE, b BOOLEAN, d VARCHAR, n VARCHAR,"
                + " s STRUCT, more VARCHAR");
    assertThat(rows(table, "id, name, l, f, b, d, n, s.a[1], more"))
        .containsExactly(
            Arrays.asList(1L, "x", List.of(1L, 2L), 1.5, true, "2024-01-01", null, null, null),
            Arrays.asList(-2L, null, List.of(), 2.0, null, null, null, 0.5, null),
            Arrays.asList(
                3L,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                "550e8400-E29B-41d4-a716-446655440000"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|\"a.jsonl\" has no rows with columns (each line must be one JSON object)",
        "{}|\"a.jsonl\" has no rows with columns (each line must be one JSON object)",
        "{\"id\":1};{\"id\":2,;{\"id\":3}|\"a.jsonl\", line 2: no JSON (Unexpected end-of-input within/between Object entries): {\"id\":2, (each line must be one JSON object)",
        "{\"id\":1} {\"id\":2}|\"a.jsonl\", line 1: more than one value: {\"id\":1} {\"id\":2} (each line must be one JSON object)",
        "[1,2]|\"a.jsonl\", line 1: no JSON object: [1,2] (each line must be one JSON object)",
        ";;7|\"a.jsonl\", line 3: no JSON object: 7 (each line must be one JSON object)",
        "{\"id\":1,\"id\":2}|\"a.jsonl\", line 1: no JSON (Duplicate field 'id'): {\"id\":1,\"id\":2} (each line must be one JSON object)",
        "{\"id\":1,\"ID\":2}|Columns \"id\" and \"ID\" of \"a.jsonl\" differ at most in case, so that none of them can be named (write the file with other names)",
        "{\"x\":1};;{\"x\":1e400}|\"a.jsonl\", line 3: the number 1e400 is beyond DOUBLE: {\"x\":1e400} (write it as a string, or null)",
        "{\"x\":1,\"l\":[{\"y\":-1e999}]}|\"a.jsonl\", line 1: the number -1e999 is beyond DOUBLE: {\"x\":1,\"l\":[{\"y\":-1e999}]} (write it as a string, or null)",
        "{\"x\":1.5};{\"x\":NINES}|\"a.jsonl\", line 2: the number 99999999999999999999999999999999999999999999999999999999999999999999999999999999… is beyond DOUBLE: {\"x\":999999999999999999999999999999999999999999999999999999999999999999999999999… (write it as a string, or null)",
        "{\"\":1,\"id\":2}|\"a.jsonl\", line 1: a key has no name: {\"\":1,\"id\":2} (name all keys)",
        "{\"id\":1};{\"s\":{\"\":2}}|\"a.jsonl\", line 2: a key has no name: {\"s\":{\"\":2}} (name all keys)",
        "{\"a\\u0000b\":1}|\"a.jsonl\", line 1: a key has a NUL: {\"a\\u0000b\":1} (give it another name)",
        "{\"x\":1};{\"s\":\"\\ud800\"}|\"a.jsonl\", line 2: half a surrogate pair: {\"s\":\"\\ud800\"} (write both halves, or the character in UTF-8)",
        "{\"s\":[\"a\\udc00b\"]}|\"a.jsonl\", line 1: half a surrogate pair: {\"s\":[\"a\\udc00b\"]} (write both halves, or the character in UTF-8)",
        "{\"x\":NaN}|\"a.jsonl\", line 1: no JSON (Non-standard token 'NaN'): {\"x\":NaN} (each line must be one JSON object)",
        "{\"x\":+1}|\"a.jsonl\", line 1: no JSON (Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs): {\"x\":+1} (each line must be one JSON object)",
        "{\"x\":1 /**/}|\"a.jsonl\", line 1: no JSON (Unexpected character ('/' (code 47))): {\"x\":1 /**/} (each line must be one JSON object)",
        "DEEP|\"a.jsonl\", line 1: more than 100 levels: {\"l\":LISTS… (write it flatter)",
        "{\"id\":1,\"s\":{\"a\":1,\"A\":2}}|Columns \"s.a\" and \"s.A\" of \"a.jsonl\" differ at most in case, so that none of them can be named (write the file with other names)",
        "{\"id\":1};{\"id\":null};{\"id\":\"x\"}|Column \"id\" has values of several types, such as 1 in \"a.jsonl\" and \"x\" in \"a.jsonl\" (write them alike)",
        "{\"l\":[1,\"x\"]}|Column \"l\" has values of several types, such as [1,\"x\"] in \"a.jsonl\" (write them alike)",
        "{\"id\":1};;{\"id\":9223372036854775808}|\"a.jsonl\", line 3: 9223372036854775808 in \"id\" is beyond 64 bits with sign (write such numbers as strings)",
        "{\"id\":99999999999999999999}|\"a.jsonl\", line 1: 99999999999999999999 in \"id\" is beyond 64 bits with sign (write such numbers as strings)",
        "{\"x\":1.5,\"s\":[{\"x\":-9223372036854775809}]}|\"a.jsonl\", line 1: -9223372036854775809 in \"s.x\" is beyond 64 bits with sign (write such numbers as strings)",
      })
  void jsonMistakes(String text, String message) throws IOException {
    write(
        "a.jsonl",
        text.replace(';', '\n')
            .replace("NINES", "9".repeat(400))
            .replace("DEEP", "{\"l\":" + "[".repeat(100) + "]".repeat(100) + "}"));
    assertThat(mistake(Source.JsonLines.of("a.jsonl")))
        .isEqualTo(message.replace("FOLDER", folder.toString()).replace("LISTS", "[".repeat(75)));
  }

  @Test
  void wholeNumbersAreDoublesOnlyAmongFractions() throws IOException {
    write("a.jsonl", "{\"x\":9223372036854775808,\"id\":-9223372036854775808,\"l\":[1]}");
    write(
        "b.jsonl", "{\"x\":0.5,\"id\":9223372036854775807,\"l\":[2.5, 1" + "0".repeat(300) + "]}");
    ParquetTable table = open(Source.JsonLines.of("a.jsonl", "b.jsonl"));
    assertThat(types(table)).isEqualTo("x DOUBLE, id BIGINT, l DOUBLE[]");
    assertThat(rows(table, "*"))
        .containsExactly(
            List.of(0x1p63, Long.MIN_VALUE, List.of(1.0)),
            List.of(0.5, Long.MAX_VALUE, List.of(2.5, 1e300)));
  }

  @Test
  void jsonIsReadToTheEdgesOfWhatItRefuses() throws IOException {
    String list = "[".repeat(99) + "]".repeat(99);
    String face = "{\"x\":1.7e308,\"s\":\"\\ud83d\\ude00\",\"l\":" + list + "}\n";
    String begin = "{\"x\":2,\"s\":\"";
    String text = "é".repeat(7_999_993);
    write("a.jsonl", face + begin + text + "\"}");
    assertThat(rows(open(Source.JsonLines.of("a.jsonl")), "x, s"))
        .containsExactly(List.of(1.7e308, "😀"), List.of(2.0, text));
    write("a.jsonl", face + begin + text + "é\"}\n");
    assertThat(mistake(Source.JsonLines.of("a.jsonl")))
        .isEqualTo(
            "\"a.jsonl\", line 2: more than 16 MB: {\"x\":2,\"s\":\""
                + "é".repeat(68)
                + "… (convert the file to Parquet)");
  }

  @Test
  void aFolderHasOnlyFilesOfTheFormat() throws IOException {
    write("t/a.csv", "id\n1\n");
    assertThat(mistake(Source.JsonLines.of("t")))
        .isEqualTo(
            "No JSON lines file in \"t\": no name below "
                + folder.resolve("t")
                + " ends in .jsonl, .ndjson or .json");
  }

  @Test
  void largeFilesAreRefused() throws IOException {
    for (String name : List.of("a.csv", "b.csv")) {
      try (RandomAccessFile file = new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
        file.setLength(Conversion.LIMIT / 2 + 1);
      }
    }
    assertThat(mistake(Source.Csv.of("*.csv")))
        .isEqualTo(
            "CSV files of 1025 MiB: too large (at most 1024 MiB of CSV in all; convert them to Parquet)");
  }

  @Test
  void foldersAndNamesHaveNoMeaning() throws IOException {
    write("dt=2024-01-01/a[1].csv", "id\n1\n");
    write("dt=2024-01-01/a1.csv", "other\n1\n");
    ParquetTable table = open(Source.Csv.of("dt=2024-01-01/a[1].csv"));
    assertThat(types(table)).isEqualTo("id BIGINT");
  }
}
