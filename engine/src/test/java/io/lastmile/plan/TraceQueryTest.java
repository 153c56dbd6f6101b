package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Session;
import io.lastmile.source.TestScratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Why rows are dropped, of a table of six rows. */
class TraceQueryTest {
  private static final List<Long> ALL = LongStream.range(0, 6).boxed().toList();

  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    String columns =
        "range AS id, CASE WHEN range < 4 THEN range END AS part,"
            + " CASE WHEN range > 1 THEN [range, 7][:range - 2] END AS list,"
            + " repeat('it''s ', range * 20) AS text";
    ENGINE
        .session()
        .execute(
            "COPY (SELECT %s FROM range(6)) TO '%s' (FORMAT parquet)"
                .formatted(columns, folder.resolve("t.parquet")));
  }

  private JobPlan plan(String steps) throws IOException {
    Path file = folder.resolve("e.yaml");
    Files.writeString(
        file,
        """
        name: e
        datasets:
          train:
            source: { parquet: t.parquet }
            steps: [%s]
            tensors: { id: { columns: id } }
            keys: [id]
        cluster: { workers: { max: 1, memory: 64MiB } }
        """
            .formatted(steps));
    Experiment experiment = ExperimentReader.read(file);
    return JobPlan.of(experiment, new TestScratch(folder));
  }

  /** Row, copies, and why it was dropped. */
  private List<String> drops(String steps) throws IOException {
    return drops(steps, ALL);
  }

  private List<String> drops(String steps, List<Long> rows) throws IOException {
    try (JobPlan job = plan(steps);
        Session session = job.engine().connect()) {
      List<String> told = new ArrayList<>();
      for (TraceQuery.Drop drop : new TraceQuery(job.dataset("train"), session).drops(0, rows)) {
        String copies = drop.copies().isEmpty() ? "" : drop.copies().toString();
        told.add(
            "%d%s %d %s: %s"
                .formatted(drop.identity(), copies, drop.step(), drop.kind(), drop.why()));
      }
      return told.stream().sorted().toList();
    }
  }

  @Test
  void falseAndNullAreToldApart() throws IOException {
    assertThat(drops("{ derive: { more: part + 1 } }, { filter: more >= 3 AND id < 9 }"))
        .containsExactly(
            "0 1 filter: more >= 3 AND id < 9 is FALSE (more = 1, id = 0)",
            "1 1 filter: more >= 3 AND id < 9 is FALSE (more = 2, id = 1)",
            "4 1 filter: more >= 3 AND id < 9 is NULL (more = NULL, id = 4)",
            "5 1 filter: more >= 3 AND id < 9 is NULL (more = NULL, id = 5)");
  }

  @Test
  void onlyTheRowsThatAreAskedForAreTold() throws IOException {
    assertThat(drops("{ filter: id + 0 > 8 }", List.of(1L, 4L)))
        .containsExactly(
            "1 0 filter: id + 0 > 8 is FALSE (id = 1)", "4 0 filter: id + 0 > 8 is FALSE (id = 4)");
  }

  @Test
  void textStandsInQuotesAndIsCut() throws IOException {
    List<String> told = drops("{ filter: \"text <> '' AND id > 1\" }");
    assertThat(told.getFirst()).endsWith("is FALSE (text = '', id = 0)");
    assertThat(told.get(1)).contains("(text = 'it''s it''s it''s").contains("…, id = 1)");
    assertThat(told.get(1)).hasSizeLessThan(150);
  }

  @Test
  void theStepThatDropsFirstIsNamed() throws IOException {
    assertThat(drops("{ filter: id <> 1 }, { filter: id > 2 }"))
        .containsExactly(
            "0 1 filter: id > 2 is FALSE (id = 0)",
            "1 0 filter: id <> 1 is FALSE (id = 1)",
            "2 1 filter: id > 2 is FALSE (id = 2)");
  }

  @Test
  void keysThatAreAndAreNotInTables() throws IOException {
    String table = "values: { k: [0, 1] }, on: { part: k }";
    assertThat(drops("{ anti_join: { " + table + " } }"))
        .containsExactly(
            "0 0 anti_join: part 0 is in the 2 values written here",
            "1 0 anti_join: part 1 is in the 2 values written here");
    assertThat(drops("{ semi_join: { " + table + " } }"))
        .containsExactly(
            "2 0 semi_join: part 2 is not in the 2 values written here",
            "3 0 semi_join: part 3 is not in the 2 values written here",
            "4 0 semi_join: part NULL is not in the 2 values written here",
            "5 0 semi_join: part NULL is not in the 2 values written here");
    String pairs = "values: { k: [0, 2], i: [0, 1], v: [5, 6] }, on: { part: k, id: i }";
    assertThat(drops("{ join: { " + pairs + ", how: inner } }").get(1))
        .isEqualTo("2 0 join: part 2 and id 2 is not in the 2 values written here");
  }

  @Test
  void hashesAndShares() throws IOException {
    assertThat(drops("{ downsample: { keep: 0.000001, by: id, where: id = 2 } }"))
        .singleElement()
        .asString()
        .matches("2 0 downsample: hash 0\\.\\d+ ≥ keep 1e-06");
    assertThat(drops("{ sample: { keep: 0.000001, by: id } }"))
        .hasSize(6)
        .allMatch(told -> told.matches("\\d 0 sample: hash 0\\.\\d+ ≥ keep 1e-06"));
    assertThat(
            drops("{ split: { by: id, parts: { no: 0.000001, some: 0.6, more: 0.2 }, part: no } }"))
        .hasSize(6)
        .allMatch(told ->
            told.matches(
                "\\d 0 split: hash 0\\.\\d+ is in (part some \\(0\\.000001 to 0\\.600001\\)|part more \\(0\\.600001 to 0\\.800001\\)|no part \\(from 0\\.800001\\))"));
    assertThat(drops("{ split: { by: id, parts: { all: 1 }, part: all } }")).isEmpty();
  }

  @Test
  void copiesAreDroppedByTheirNumbers() throws IOException {
    assertThat(
            drops(
                "{ explode: { columns: list, position: place } }, { filter: place = 0 OR id = 5 }, { upsample: { repeat: 2, copy: copy } }, { filter: copy = 0 }"))
        .containsExactly(
            "0 0 explode: list is NULL",
            "1 0 explode: list is NULL",
            "2 0 explode: list is empty",
            "3[0, 1] 3 filter: copy = 0 is FALSE (copy = 1)",
            "4[0, 1] 3 filter: copy = 0 is FALSE (copy = 1)",
            "4[1] 1 filter: place = 0 OR id = 5 is FALSE (place = 1, id = 4)",
            "5[0, 1] 3 filter: copy = 0 is FALSE (copy = 1)",
            "5[1, 1] 3 filter: copy = 0 is FALSE (copy = 1)");
  }

  @Test
  void copyNumbersComeApartAgain() throws IOException {
    String copy = "{ upsample: { repeat: 3 } }";
    for (int steps = 0; steps <= 3; steps++) {
      String all = String.join(", ", Collections.nCopies(steps, copy));
      try (JobPlan job = plan(all);
          Session session = job.engine().connect()) {
        SplitQuery query = new TraceQuery(job.dataset("train"), session).identities();
        long last =
            query.copies().isEmpty()
                ? 0
                : (Long)
                    session
                        .rows(query.sql(job.dataset("train").spanning(0, List.of(3L))))
                        .getLast()
                        .get(query.copyNumber());
        assertThat(query.copyNumbers(last)).isEqualTo(Collections.nCopies(steps, 2L));
      }
    }
  }

  @Test
  void valuesOfTheEndAndOfTheSource() throws IOException {
    try (JobPlan job = plan("{ derive: { twice: 2 * id } }, { drop: part }, { filter: id > 1 }");
        Session session = job.engine().connect()) {
      TraceQuery query = new TraceQuery(job.dataset("train"), session);
      List<SampleColumn> columns = query.columns(List.of("twice", "part", "list"), "--columns");
      assertThat(query.values(0, List.of(1L, 3L), columns))
          .containsExactly(new TraceQuery.Valued(3, 0, List.of("6", "3", List.of("3"))));
      assertThatThrownBy(() -> query.columns(List.of("twise"), "--columns"))
          .isInstanceOf(LastmileException.class)
          .hasMessage("Unknown column \"twise\" (did you mean \"twice\"?)");
    }
  }
}
