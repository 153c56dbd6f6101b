package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PartitionsTest {
  private static Partitions of(String... files) {
    return Partitions.of(List.of(files), "source");
  }

  @ParameterizedTest
  @CsvSource({
    "0 12 -3, BIGINT",
    "9223372036854775807 -9223372036854775808, BIGINT",
    "9223372036854775808 1, VARCHAR",
    "01 2, VARCHAR",
    "-0, VARCHAR",
    "+1, VARCHAR",
    "1.5 2, VARCHAR",
    "2024-02-29 2024-03-01, DATE",
    "2023-02-29 2024-03-01, VARCHAR",
    "2024-3-1, VARCHAR",
    "2024-03-01 5, VARCHAR",
    "2024-03-01 __HIVE_DEFAULT_PARTITION__, DATE",
    "7 __HIVE_DEFAULT_PARTITION__, BIGINT",
    "__HIVE_DEFAULT_PARTITION__, VARCHAR",
    "a b, VARCHAR"
  })
  void aColumnHasTheTypeOfAllItsValues(String values, Kind kind) {
    String[] files =
        Stream.of(values.split(" "))
            .map(value -> "k=" + value + "/a.parquet")
            .toArray(String[]::new);
    assertThat(of(files).columns())
        .containsExactly(new TableColumn("k", new ColumnType.Scalar(kind), null));
  }

  @Test
  void valuesAreDecodedAndWrittenAsSql() {
    Partitions partitions =
        of("dt=2024-01-01/x/c%20d=it's+%C3%BC/a", "dt=__HIVE_DEFAULT_PARTITION__/x/c%20d=/a");
    assertThat(partitions.literals(0))
        .isEqualTo(Map.of("dt", "CAST('2024-01-01' AS DATE)", "c d", "CAST('it''s+ü' AS VARCHAR)"));
    assertThat(partitions.literals(1))
        .isEqualTo(Map.of("dt", "CAST(NULL AS DATE)", "c d", "CAST('' AS VARCHAR)"));
    assertThat(partitions.values(1).get("dt")).isNull();
    assertThat(of("a/b=/c").columns()).hasSize(1);
    assertThat(of("=x/a=b.parquet").columns()).isEmpty();
  }

  @Test
  void filesWithDifferentPartitionsAreNamed() {
    String remedy = " (all files of a source need the same partitions, in the same order)";
    assertThatThrownBy(() -> of("a.parquet", "dt=1/h=2/a.parquet"))
        .hasMessage(
            "\"a.parquet\" lies in no partition, but \"dt=1/h=2/a.parquet\" in partitions dt=…/h=…"
                + remedy);
    assertThatThrownBy(() -> of("dt=1/h=2/a", "h=2/dt=1/a"))
        .hasMessage(
            "\"dt=1/h=2/a\" lies in partitions dt=…/h=…, but \"h=2/dt=1/a\" in partitions h=…/dt=…"
                + remedy);
  }

  @Test
  void aNameTwiceOrAZeroByteIsRefused() {
    assertThatThrownBy(() -> of("dt=1/DT=2/a"))
        .hasMessage(
            "Invalid partition: \"DT=2\" in \"dt=1/DT=2/a\" (another folder has the same name)");
    assertThatThrownBy(() -> of("dt=a%00b/a"))
        .hasMessage("Invalid partition: \"dt=a%00b\" in \"dt=a%00b/a\" (it has a zero byte)");
  }

  @Test
  void aFileMustNotHaveAColumnOfThatName() {
    List<String> files = List.of("dt=1/a.parquet", "dt=2/b.parquet");
    Partitions partitions = Partitions.of(files, "source");
    partitions.check(files, List.of(List.of("a"), List.of("a")), "source");
    assertThatThrownBy(
            () -> partitions.check(files, List.of(List.of("a"), List.of("a", "Dt")), "source"))
        .hasMessage(
            "\"dt=2/b.parquet\" has a column \"Dt\" and lies in a folder \"dt=…\", which is a column as well (write the files without it, or give the folders another name)");
  }
}
