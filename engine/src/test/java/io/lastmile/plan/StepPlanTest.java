package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.source.TestScratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What only planning can find wrong with a step, in the very words, and what explain says of it.
 */
class StepPlanTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    write("t", "range AS id, range::FLOAT AS x, 'a' AS text, [range] AS list, {'a': 1} AS struct");
    write("s", "range AS id, range % 3 AS low, 'a' AS text, 1.5::DECIMAL(9, 2) AS price");
    write("odd", "range AS id, {'a': 1} AS struct");
    write("longer", "range AS id, repeat('long', 200) AS text");
  }

  private void write(String name, String columns) {
    String rows = name.equals("longer") ? "300000" : "10";
    ENGINE
        .session()
        .execute(
            "COPY (SELECT %s FROM range(%s)) TO '%s' (FORMAT parquet)"
                .formatted(columns, rows, folder.resolve(name + ".parquet")));
  }

  private JobPlan plan(String step) throws IOException {
    Path file = folder.resolve("e.yaml");
    Files.writeString(
        file,
        """
        name: e
        datasets:
          train:
            source: { parquet: t.parquet }
            steps:
              - %s
            tensors: { id: { columns: id } }
        cluster: { workers: { max: 1, memory: 64MiB } }
        """
            .formatted(step));
    Experiment experiment = ExperimentReader.read(file);
    return JobPlan.of(experiment, new TestScratch(folder));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "filter: random() > 0.5|Cannot use \"random() > 0.5\": random() is not the same at every run (use the step sample or downsample)",
        "filter: x|Invalid condition: x is FLOAT (must be BOOLEAN, such as a comparison)",
        "rename: { idd: a }|Unknown column \"idd\" (did you mean \"id\"?)",
        "rename: { x: id }|Invalid column name: \"id\" (exists already)",
        "rename: { x: a, \"x*\": \"b*\" }|Invalid rename: \"x\" gets two names",
        "rename: { \"z*\": \"y*\" }|No column matches \"z*\"",
        "label: { x: \"id = 1\" }|Invalid column name: \"x\" (exists already)",
        "weight: { w: text }|Invalid weight: text is VARCHAR (must be a number)",
        "weight: { text: x }|Invalid weight: \"text\" is VARCHAR (must be a number)",
        "truncate: { columns: x, first: 2 }|Invalid column: \"x\" is FLOAT (must be a list)",
        "explode: x|Invalid column: \"x\" is FLOAT (must be a list)",
        "explode: { columns: list, position: x }|Invalid column name: \"x\" (exists already)",
        "sample: { keep: 0.5, by: list }|Invalid key: \"list\" is BIGINT[] (must be an integer, string, bytes, boolean, date or timestamp)",
        "split: { parts: { train: 0.5 }, by: x }|Invalid key: \"x\" is FLOAT (must be an integer, string, bytes, boolean, date or timestamp)",
        "downsample: { keep: text }|Invalid keep: text is VARCHAR (must be a number)",
        "join: { parquet: s.parquet, on: { id: text }, prefix: s_ }|Invalid key: \"id\" is BIGINT, but \"text\" of the table is VARCHAR",
        "join: { parquet: s.parquet, on: id, select: [pricy] }|Unknown column \"pricy\" (did you mean \"price\"?)",
        "join: { parquet: s.parquet, on: id }|Invalid column name: \"text\" (exists already; give the join a prefix)",
        "join: { parquet: odd.parquet, on: id, prefix: o_ }|Invalid column: \"struct\" is STRUCT (select others)",
        "semi_join: { parquet: s.parquet, on: id, filter: \"lo > 1\" }|Unknown column \"lo\" (did you mean \"low\"?)",
        "semi_join: { parquet: longer.parquet, on: { text: text }, filter: \"id = random()\" }|Cannot use \"id = random()\": random() is not the same at every run (use the step sample or downsample)",
      })
  void refuses(String step, String message) {
    LastmileException mistake = catchThrowableOfType(LastmileException.class, () -> plan(step));
    assertThat(mistake.getMessage()).isEqualTo(message);
    assertThat(mistake.kind()).isEqualTo(FailureKind.USER);
    assertThat(mistake.element()).startsWith("datasets.train.steps[0].");
  }

  @Test
  void namesTheKeyThatComesAgain() {
    LastmileException mistake =
        catchThrowableOfType(
            LastmileException.class,
            () -> plan("join: { parquet: s.parquet, on: { id: low }, prefix: s_ }"));
    assertThat(mistake.getMessage())
        .isEqualTo(
            "Duplicate key in %s: low = 0 (match: first takes its first row)"
                .formatted(folder.resolve("s.parquet")));
  }

  @Test
  void aSmallTableMustFitItsShareOfTheBudget() throws IOException {
    String join = "join: { parquet: longer.parquet, on: id, prefix: l_%s }";
    try (JobPlan plan = plan(join.formatted(", filter: \"id < 5000\""))) {
      assertThat(plan.dataset("train").dropSteps()).isEmpty();
    }
    LastmileException mistake =
        catchThrowableOfType(LastmileException.class, () -> plan(join.formatted("")));
    assertThat(mistake.getMessage())
        .isEqualTo(
            "The tables of map-side joins need more than their share of the budget, 16 MiB (select"
                + " fewer columns, filter the table, or raise cluster.workers.memory)");
  }

  @Test
  void explainSaysEveryStep() throws IOException {
    String steps =
        """
        rename: { x: y }
              - cast: { y: DOUBLE }
              - join: { parquet: s.parquet, on: id, select: price, prefix: s_, how: inner }
              - semi_join: { values: { id: [1, 2] }, on: id, filter: "id > 1" }
              - downsample: { keep: "1 / (1 + y)", by: id, weight: w }
              - sample: 0.5
              - upsample: { where: "y > 1", repeat: 2 }
              - weight: { w: 2 }
              - label: { big: "y > 5" }
              - truncate: { columns: list, last: 3 }
              - explode: list
              - split: { parts: { train: 0.9, valid: 0.1 }, by: id }
              - limit: 5\
        """;
    try (JobPlan plan = plan(steps)) {
      assertThat(plan.dataset("train").explain())
          .contains(
              "0 rename: x to y",
              "1 cast: y to DOUBLE",
              "2 join: price as s_* where id = id in s.parquet, else drop",
              "3 semi_join: keep where id = id in 2 values written here (where id > 1)",
              "4 downsample: keep 1 / (1 + y) of all rows by hash of id; w × 1 / least(1, 1 / (1 + y))",
              "5 sample: keep 0.5 of all rows by hash of the row identity",
              "6 upsample: rows where y > 1 × 2",
              "7 weight: w × 2",
              "8 label: big = 1 where y > 5, else 0",
              "9 truncate: list to the last 3",
              "10 explode: a row of each element of list",
              "11 split: keep train of train 0.9, valid 0.1 by hash of id",
              "12 limit: end the epoch after 5 rows");
    }
  }
}
