package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Session;
import io.lastmile.source.TestScratch;
import io.lastmile.split.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What is counted between the steps, on ten rows that can be counted by hand. */
class SampleQueryTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    String columns =
        "range AS id, range % 4 = 0 AS click, CASE WHEN range < 5 THEN range END AS part,"
            + " [range, range] AS list, 'a' AS text";
    ENGINE
        .session()
        .execute(
            "COPY (SELECT %s FROM range(10)) TO '%s' (FORMAT parquet)"
                .formatted(columns, folder.resolve("t.parquet")));
  }

  private JobPlan plan(String steps, String tensor) throws IOException {
    Path file = folder.resolve("e.yaml");
    Files.writeString(
        file,
        """
        name: e
        datasets:
          train:
            source: { parquet: t.parquet }
            steps: [%s]
            tensors: { %s }
        cluster: { workers: { max: 1, memory: 64MiB } }
        """
            .formatted(steps, tensor));
    Experiment experiment = ExperimentReader.read(file);
    return JobPlan.of(experiment, new TestScratch(folder));
  }

  /** The effects on the whole table. */
  private List<StepEffect> effects(String steps, String tensor, @Nullable String label)
      throws IOException {
    try (JobPlan job = plan(steps, tensor);
        Session session = job.engine().connect()) {
      DatasetPlan plan = job.dataset("train");
      SampleQuery query = SampleQuery.of(plan, session, label);
      List<List<@Nullable Object>> rows = new ArrayList<>();
      for (String sql : query.sql(split(plan))) {
        rows.add(session.rows(sql).getFirst());
      }
      return query.effects(rows);
    }
  }

  private static Split split(DatasetPlan plan) {
    return plan.splits().of(0).getFirst();
  }

  @Test
  void rowsLabelsWeightsAndNulls() throws IOException {
    List<StepEffect> effects =
        effects(
            "{ filter: \"id >= 3 OR part IS NULL\" }, { weight: { w: \"id\" } }",
            "label: { columns: click }",
            null);
    SampleCounts all = new SampleCounts(10, 10L, 3L, Map.of());
    SampleCounts kept = new SampleCounts(7, 7L, 2L, Map.of());
    assertThat(effects.getFirst())
        .isEqualTo(
            new StepEffect(
                0,
                "filter",
                "keep where id >= 3 OR part IS NULL",
                all,
                kept,
                Map.of("id", 0.0, "part", 0.5)));
    assertThat(effects.get(1).before()).isEqualTo(kept);
    assertThat(effects.get(1).after()).isEqualTo(new SampleCounts(7, 7L, 2L, Map.of("w", 42.0)));
    assertThat(effects.get(1).nullShares()).isEqualTo(Map.of("id", 0.0));
  }

  @Test
  void copiesAreCountedBehindTheirStep() throws IOException {
    List<StepEffect> effects =
        effects(
            "{ explode: list }, { filter: \"list < 4\" }, { upsample: { where: click, repeat: 3 } }",
            "label: { columns: click }",
            null);
    assertThat(effects).extracting(effect -> effect.before().rows()).containsExactly(10L, 20L, 8L);
    assertThat(effects).extracting(effect -> effect.after().rows()).containsExactly(20L, 8L, 12L);
    assertThat(effects.getLast().after().positive()).isEqualTo(6);
  }

  @Test
  void theLabelIsTheOneThatIsThereInTheEnd() throws IOException {
    String steps = "{ label: { made: \"id = 1\", kept: \"id = 2\" } }, { drop: made }";
    try (JobPlan job = plan(steps, "label: { columns: click }, k: { columns: kept }");
        Session session = job.engine().connect()) {
      assertThat(SampleQuery.of(job.dataset("train"), session, null).label()).isEqualTo("kept");
      assertThat(SampleQuery.of(job.dataset("train"), session, "made").label()).isEqualTo("made");
    }
    try (JobPlan job = plan("{ drop: text }", "label: { columns: click }");
        Session session = job.engine().connect()) {
      assertThat(SampleQuery.of(job.dataset("train"), session, null).label()).isEqualTo("click");
    }
    try (JobPlan job = plan("{ drop: text }", "x: { columns: id }");
        Session session = job.engine().connect()) {
      assertThat(SampleQuery.of(job.dataset("train"), session, null).label()).isNull();
    }
  }

  @Test
  void onlyTheLastCountWhereOnlyItIsWanted() throws IOException {
    String steps = "{ filter: \"id >= 3\" }, { upsample: { where: click, repeat: 2 } }";
    try (JobPlan job = plan(steps, "label: { columns: click }");
        Session session = job.engine().connect()) {
      DatasetPlan plan = job.dataset("train");
      SampleQuery query = SampleQuery.ofEnd(plan, session, null);
      String sql = query.sql(split(plan)).getFirst();
      assertThat(sql).doesNotContain("\"part\"");
      assertThat(query.left(List.of(session.rows(sql).getFirst())))
          .isEqualTo(new SampleCounts(9, 9L, 4L, Map.of()));
      assertThat(query.left(query.nothing())).isEqualTo(new SampleCounts(0, 0L, 0L, Map.of()));
    }
  }

  @Test
  void nothingIsCountedOfNothing() throws IOException {
    try (JobPlan job = plan("{ weight: { w: \"id\" } }", "label: { columns: click }");
        Session session = job.engine().connect()) {
      SampleQuery query = SampleQuery.of(job.dataset("train"), session, null);
      assertThat(query.left(query.nothing()))
          .isEqualTo(new SampleCounts(0, 0L, 0L, Map.of("w", 0.0)));
      assertThat(query.effects(query.nothing()).getFirst().nullShares()).isEmpty();
    }
  }

  @Test
  void aLabelMustBeAColumnOfNumbers() throws IOException {
    try (JobPlan job = plan("{ drop: text }", "label: { columns: click }");
        Session session = job.engine().connect()) {
      for (String label : List.of("clock", "text")) {
        LastmileException refused =
            catchThrowableOfType(
                LastmileException.class,
                () -> SampleQuery.of(job.dataset("train"), session, label));
        assertThat(refused.text())
            .isEqualTo(
                label.equals("text")
                    ? "Invalid label: \"text\" is VARCHAR (must be a number or BOOLEAN)"
                    : "Invalid label: unknown column \"clock\" (did you mean \"click\"?)");
      }
    }
  }
}
