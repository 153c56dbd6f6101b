package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.query.EngineResource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Types are widened as documented, and no value is lost. */
class WideningTest {
  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  /** By type: its least and its greatest value, and one that needs all its bits. */
  private static final Map<String, List<String>> EXTREMES =
      Map.ofEntries(
          Map.entry("TINYINT", List.of("-128", "127")),
          Map.entry("SMALLINT", List.of("-32768", "32767")),
          Map.entry("INTEGER", List.of("-2147483648", "2147483647")),
          Map.entry("BIGINT", List.of("-9223372036854775808", "9223372036854775807")),
          Map.entry("UTINYINT", List.of("0", "255")),
          Map.entry("USMALLINT", List.of("0", "65535")),
          Map.entry("UINTEGER", List.of("0", "4294967295")),
          Map.entry("UBIGINT", List.of("0", "18446744073709551615")),
          Map.entry("FLOAT", List.of("-3.4028234e38", "1e-45", "0.1")),
          Map.entry("DOUBLE", List.of("-1.7976931348623157e308", "5e-324", "0.1")),
          Map.entry("BOOLEAN", List.of("false", "true")),
          Map.entry("DATE", List.of("'2024-01-01'")),
          Map.entry("TIMESTAMP_MS", List.of("'2024-01-01 00:00:00.123'")),
          Map.entry("TIMESTAMP", List.of("'2024-01-01 00:00:00.123456'")),
          Map.entry("TIMESTAMP_NS", List.of("'2024-01-01 00:00:00.123456789'")),
          Map.entry("TIMESTAMP WITH TIME ZONE", List.of("'2024-01-01 00:00:00.123456Z'")),
          Map.entry("VARCHAR", List.of("'x'")),
          Map.entry("BLOB", List.of("'x'")));

  @Test
  void noValueIsLostAndTheOrderDoesNotMatter() {
    int widened = 0;
    for (String a : EXTREMES.keySet()) {
      for (String b : EXTREMES.keySet()) {
        String both = Widening.of(a, b);
        assertThat(Widening.of(b, a)).isEqualTo(both);
        if (both != null) {
          widened++;
          EXTREMES.getOrDefault(a, List.of()).forEach(value -> keeps(value, a, both));
          assertThat(Widening.of(a + "[]", b + "[]")).isEqualTo(both + "[]");
          assertThat(Widening.of(a + "[3]", b + "[3]")).isEqualTo(both + "[3]");
          assertThat(Widening.of(a + "[3]", b + "[4]")).isNull();
          assertThat(Widening.of(a + "[3]", b + "[]")).isNull();
          assertThat(Widening.of(a, b + "[]")).isNull();
        }
      }
    }
    assertThat(widened).isEqualTo(18 + 2 * (6 + 6 + 12 + 1 + 12 + 3));
  }

  private static void keeps(String value, String from, String to) {
    String sql = "CAST(%s AS %s)".formatted(value, from);
    assertThat(DUCK.value("SELECT CAST(CAST(%s AS %s) AS %s) = %s".formatted(sql, to, from, sql)))
        .as("%s as %s", sql, to)
        .isEqualTo(true);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "none",
      value = {
        "TINYINT,BIGINT,BIGINT",
        "UTINYINT,TINYINT,SMALLINT",
        "UTINYINT,INTEGER,INTEGER",
        "USMALLINT,TINYINT,INTEGER",
        "UINTEGER,SMALLINT,BIGINT",
        "UBIGINT,BIGINT,none",
        "UBIGINT,UINTEGER,UBIGINT",
        "TINYINT,FLOAT,DOUBLE",
        "INTEGER,DOUBLE,DOUBLE",
        "UINTEGER,FLOAT,DOUBLE",
        "BIGINT,DOUBLE,none",
        "UBIGINT,DOUBLE,none",
        "FLOAT,DOUBLE,DOUBLE",
        "TIMESTAMP,TIMESTAMP_NS,TIMESTAMP_NS",
        "TIMESTAMP,TIMESTAMP WITH TIME ZONE,none",
        "DATE,TIMESTAMP,none",
        "BOOLEAN,TINYINT,none",
        "VARCHAR,BLOB,none",
        "INTEGER[],BIGINT[],BIGINT[]",
        "INTEGER[][],UTINYINT[][],INTEGER[][]",
        "'DECIMAL(10,2)','DECIMAL(12,2)',none",
        "STRUCT(a INTEGER),STRUCT(a BIGINT),none",
      })
  void two(String a, String b, String both) {
    assertThat(Widening.of(a, b)).isEqualTo(both);
  }

  @Test
  void manyInAnyOrder() {
    for (List<String> types :
        List.of(
            List.of("UINTEGER", "INTEGER", "DOUBLE"),
            List.of("INTEGER", "FLOAT", "UINTEGER"),
            List.of("FLOAT", "INTEGER", "UINTEGER"))) {
      assertThat(Widening.ofAll(types)).isEqualTo("DOUBLE");
    }
    assertThat(Widening.ofAll(List.of("UINTEGER[]", "INTEGER[]", "FLOAT[]"))).isEqualTo("DOUBLE[]");
    assertThat(Widening.ofAll(List.of("UTINYINT", "TINYINT", "USMALLINT"))).isEqualTo("INTEGER");
  }
}
