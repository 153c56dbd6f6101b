package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Shuffle;
import io.lastmile.query.EngineResource;
import io.lastmile.source.TestScratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which files and row groups are read for which filters. */
class PruningTest {
  private static final int ROWS = 2048;

  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  @TempDir private Path folder = Path.of("");

  private void write(String path, String select) throws IOException {
    Path file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    ENGINE
        .session()
        .execute(
            "COPY (%s) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE %d)".formatted(select, file, ROWS));
  }

  @BeforeEach
  void write() throws IOException {
    write(
        "flat.parquet",
        """
        SELECT range AS id, range // 2048 AS g, (range // 2048)::FLOAT AS x,
          CASE WHEN range // 2048 = 1 THEN 'NaN'::DOUBLE ELSE range // 2048 END AS y,
          chr((97 + range // 2048)::INTEGER) AS s, range < 2048 AS flag,
          DATE '2026-01-01' + (range // 2048)::INTEGER AS day,
          TIMESTAMP '2026-01-01 00:00:00' + to_days((range // 2048)::INTEGER) AS ts,
          (range // 2048)::DECIMAL(9, 2) AS price, (250 + range // 2048)::UTINYINT AS u,
          CASE WHEN range // 2048 > 1 THEN range END AS half, encode(chr((97 + range // 2048)::INTEGER)) AS b
        FROM range(8192)
        """);
  }

  private JobPlan plan(DatasetDraft dataset) {
    return JobPlan.of(
        Experiment.named("e").in(folder).dataset("train", dataset).workers(1).build(),
        new TestScratch(folder));
  }

  private String left(DatasetDraft dataset) {
    try (JobPlan plan = plan(dataset)) {
      return plan.dataset("train").table().files().stream()
          .flatMap(file -> file.rowGroups().stream())
          .map(group -> Integer.toString(group.ordinal()))
          .collect(Collectors.joining(" "));
    }
  }

  private String left(String filter) {
    return left(Dataset.parquet("flat.parquet").filter(filter).tensor("id", "id"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "g = 2 | 2",
        "2 = g | 2",
        "g < 2 | 0 1",
        "2 > g | 0 1",
        "g <= 2 | 0 1 2",
        "g > 2 | 3",
        "g >= 2.5 | 3",
        "g >= 1 + 1 | 2 3",
        "g BETWEEN 1 AND 2 | 1 2",
        "g IN (0, 3, 9) | 0 3",
        "g > 0 AND (g < 3 AND g <> 1) | 1 2",
        "g > 9 | ``",
        "G = 2 | 2",
        "g = -1 OR g = 2 | 0 1 2 3",
        "NOT g = 2 | 0 1 2 3",
        "g + 0 = 2 | 0 1 2 3",
        "g = id | 0 1 2 3",
        "id >= 4095 AND id < 4097 | 1 2",
        "s = 'c' | 2",
        "s >= 'bb' | 2 3",
        "s = 'C' COLLATE NOCASE | 0 1 2 3",
        "b = 'c'::BLOB | 2",
        "flag = true | 0",
        "flag = false | 1 2 3",
        "day = '2026-01-03' | 2",
        "day >= DATE '2026-01-01' + INTERVAL 2 DAY | 2 3",
        "ts < '2026-01-02' | 0",
        "ts >= DATE '2026-01-03' | 2 3",
        "price > 1.995 | 2 3",
        "u > 252 | 3",
        "u > -1 | 0 1 2 3",
        "half IS NOT NULL | 2 3",
        "half IS NULL | 0 1",
        "half > 0 | 2 3",
        "g IS NULL | ``",
        "g = NULL | 0 1 2 3",
        "g = '2' | 2",
        "s > 5::VARCHAR | 0 1 2 3"
      })
  void aComparisonLeavesTheRowGroupsThatMayHoldSuchRows(String filter, String left) {
    assertThat(left(filter)).isEqualTo(left);
  }

  @ParameterizedTest
  @CsvSource({
    "x < 2, 0 1",
    "x <= 1, 0 1",
    "x = 2, 2",
    "x BETWEEN 1 AND 2, 1 2",
    "x > 2, 0 1 2 3",
    "x >= 2, 0 1 2 3",
    "x = 'NaN', 0 1 2 3",
    "x <= 'NaN', 0 1 2 3",
    "y < 1, 0 1",
    "y = 2, 1 2",
    "y > 2, 0 1 2 3"
  })
  void notANumberIsGreaterThanAllAndInNoStatistics(String filter, String left) {
    assertThat(left(filter)).isEqualTo(left);
  }

  @Test
  void onlyLeadingFiltersPrune() {
    DatasetDraft flat = Dataset.parquet("flat.parquet");
    assertThat(left(flat.filter("g > 0").filter("g < 2").tensor("id", "id"))).isEqualTo("1");
    assertThat(
            left(
                flat.select("id", "g")
                    .derive("h", "g * 2")
                    .filter("h > 2 AND g < 3")
                    .drop("g")
                    .tensor("id", "id")))
        .isEqualTo("0 1 2");
    assertThat(left(flat.downsample(0.5).filter("g < 2").tensor("id", "id"))).isEqualTo("0 1 2 3");
    assertThat(
            left(
                flat.select("id", "x")
                    .derive("g", "id * 0 + 5")
                    .filter("g = 5")
                    .tensor("id", "id")))
        .isEqualTo("0 1 2 3");
  }

  @Test
  void aFilterThatIsWrongIsStillRefused() {
    assertThatThrownBy(() -> left("g > 1 AND nothing = 2"))
        .hasMessageStartingWith("Unknown column \"nothing\"");
    assertThatThrownBy(() -> left("g > (SELECT 1)")).hasMessageContaining("subquery");
  }

  private void writeDays() throws IOException {
    for (int day = 1; day <= 4; day++) {
      write(
          String.format(Locale.ROOT, "t/dt=2026-01-%02d/h=%d/a.parquet", day, day % 2),
          "SELECT range AS id, range // 2048 AS g FROM range(4096)");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "dt >= DATE '2026-01-03' | 2026-01-03 2026-01-04",
        "dt = '2026-01-03' OR h = 0 | 2026-01-02 2026-01-03 2026-01-04",
        "DT = '2026-01-03' AND h = 1 AND g = 0 | 2026-01-03",
        "month(dt) + h = 1 | 2026-01-02 2026-01-04",
        "dt = '2026-01-03' OR g = 0 | 2026-01-01 2026-01-02 2026-01-03 2026-01-04",
        "h > 0 AND CAST(CASE h WHEN 0 THEN '0' ELSE 'x' END AS INTEGER) = 0 | 2026-01-01 2026-01-03"
      })
  void partitionsAreChosenByWhatTheirFoldersSay(String filter, String days) throws IOException {
    writeDays();
    try (JobPlan plan = plan(Dataset.parquet("t").filter(filter).tensor("id", "id"))) {
      assertThat(
              plan.dataset("train").table().files().stream()
                  .map(file -> file.partitions().get("dt"))
                  .collect(Collectors.joining(" ")))
          .isEqualTo(days);
    }
  }

  @Test
  void explainSaysWhatWasPrunedAndWhy() throws IOException {
    writeDays();
    Files.writeString(folder.resolve("t/dt=2026-01-01/h=1/a.parquet"), "no Parquet");
    DatasetDraft dataset =
        Dataset.parquet("t")
            .filter("dt > DATE '2026-01-01'")
            .filter("g = 1 AND h = 0 AND id >= 0")
            .tensor("id", "id")
            .tensor("h", "h")
            .shuffle(Shuffle.none());
    try (JobPlan plan = plan(dataset)) {
      DatasetPlan train = plan.dataset("train");
      assertThat(train.pruned())
          .isEqualTo(new Pruned(2, 2, 4096, List.of("dt > DATE '2026-01-01'", "h = 0", "g = 1")));
      assertThat(train.explain())
          .contains(
              "t: 2 of 4 files, 2 of 4 row groups, 4,096 rows, 0 MB (pruned by dt > DATE '2026-01-01'; h = 0; g = 1)\n");
      assertThat(train.splits().count()).isEqualTo(2);
      assertThat(train.explain()).contains("CAST('2026-01-02' AS DATE) AS \"dt\"");
    }
  }

  @Test
  void whenAllIsPrunedTheFirstFileGivesTheColumns() throws IOException {
    writeDays();
    try (JobPlan plan = plan(Dataset.parquet("t").filter("h = 7").tensor("id", "id"))) {
      DatasetPlan train = plan.dataset("train");
      assertThat(train.pruned()).isEqualTo(new Pruned(4, 0, 0, List.of("h = 7")));
      assertThat(train.splits().count()).isZero();
      assertThat(train.explain()).contains("t: 0 of 4 files, 0 row groups, 0 rows");
    }
    try (JobPlan plan = plan(Dataset.parquet("t").filter("g = 7").tensor("id", "id"))) {
      assertThat(plan.dataset("train").pruned())
          .isEqualTo(new Pruned(4, 8, 4 * 4096, List.of("g = 7")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"g >= 0", "g >= 1"})
  void thePlanIsThatOfWhatIsRead(String filter) throws IOException {
    writeDays();
    DatasetDraft late =
        Dataset.parquet("t").filter("dt > '2026-01-02' AND " + filter).tensor("id", "id");
    String before = fingerprint(late);
    write("t/dt=2026-01-01/h=0/b.parquet", "SELECT range AS id, range AS g FROM range(10)");
    assertThat(fingerprint(late)).isEqualTo(before);
    write("t/dt=2026-01-05/h=0/b.parquet", "SELECT range AS id, range AS g FROM range(10)");
    assertThat(fingerprint(late)).isNotEqualTo(before);
  }

  private String fingerprint(DatasetDraft dataset) {
    try (JobPlan plan = plan(dataset)) {
      return plan.dataset("train").fingerprint();
    }
  }
}
