package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentDraft;
import io.lastmile.dataset.Shuffle;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.query.Session;
import io.lastmile.source.TestScratch;
import io.lastmile.split.Split;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From what the user said to the query of a split. */
class JobPlanTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    for (String name : List.of("a", "b")) {
      ENGINE
          .session()
          .execute(
              """
              COPY (SELECT range AS id, range %% 10 AS label, range::FLOAT AS x, (range * 2)::FLOAT AS y,
                 'unused' AS text, [range] AS list FROM range(5000))
              TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)
              """
                  .formatted(folder.resolve(name + ".parquet")));
    }
    ENGINE
        .session()
        .execute(
            "COPY (SELECT range * 7 AS id FROM range(100)) TO '%s' (FORMAT parquet)"
                .formatted(folder.resolve("spam.parquet")));
  }

  private static DatasetDraft steps() {
    return Dataset.parquet("?.parquet")
        .antiJoin("spam.parquet", "id")
        .filter("label < 5")
        .derive("positive", "label = 1")
        .tensor("xy", List.of("x", "y"), tensor -> tensor)
        .tensor("positive", "positive");
  }

  private JobPlan plan(DatasetDraft dataset) {
    return JobPlan.of(
        Experiment.named("e").in(folder).dataset("train", dataset).workers(1).build(), scratch());
  }

  private TestScratch scratch() {
    return new TestScratch(folder);
  }

  @Test
  void onlyNeededColumnsAreRead() {
    try (JobPlan plan = plan(steps())) {
      assertThat(plan.dataset("train").query().sources()).containsExactly("id", "label", "x", "y");
    }
    try (JobPlan plan = plan(Dataset.parquet("a.parquet").tensor("x", "x"))) {
      assertThat(plan.dataset("train").query().sources()).containsExactly("x");
    }
  }

  @Test
  void theQueryOfASplitKeepsOrderAndCountsEachDroppedRowOnce() {
    try (JobPlan plan = plan(steps().shuffle(Shuffle.none()));
        Session session = plan.engine().connect()) {
      DatasetPlan train = plan.dataset("train");
      List<Split> splits = train.splits().of(0);
      assertThat(splits).hasSize(6);
      long[] counts = new long[3];
      session.counting(counts);
      List<Long> identities =
          session.rows(train.query().sql(splits.get(4))).stream()
              .map(row -> (Long) row.get(train.query().identity()))
              .toList();
      // The second row group of the second file: ids 2048 … 4095, none of them in the list.
      List<Long> expected =
          LongStream.range(2048, 4096)
              .filter(id -> id % 10 < 5)
              .map(id -> (1L << SplitQuery.NUMBER_BITS) + id)
              .boxed()
              .toList();
      assertThat(identities).isEqualTo(expected);
      assertThat(counts).containsExactly(expected.size(), 0, 2048 - expected.size());
    }
  }

  @Test
  void explainSaysWhatIsReadAndDone() {
    try (JobPlan plan = plan(steps().shuffle(Shuffle.none()))) {
      DatasetPlan train = plan.dataset("train");
      assertThat(train.explain().lines())
          .contains(
              "dataset train (plan " + train.fingerprint() + ")",
              "  reads    4 of 6 columns: id, label, x, y",
              "  steps    0 anti_join: drop where id = id in spam.parquet (100 rows, 1 MiB in memory)",
              "           1 filter: keep where label < 5",
              "           2 derive: positive = label = 1",
              "  tensors  xy [batch, 2] float32 from x, y",
              "           positive [batch] bool from positive",
              "  splits   6 an epoch, in file order, one row group each",
              "           0: 2,048 rows, row group 0 of a.parquet",
              "  query    of split 0:")
          .anyMatch(line -> line.startsWith("  memory   engine "));
    }
  }

  @Test
  void theFingerprintIsThatOfWhatDecidesTheRows() {
    String same = fingerprint(steps());
    assertThat(fingerprint(steps())).isEqualTo(same);
    assertThat(fingerprint(steps().batch(7))).isEqualTo(same);
    assertThat(fingerprint(steps().filter("label < 4"))).isNotEqualTo(same);
    assertThat(fingerprint(steps().shuffle(Shuffle.none()))).isNotEqualTo(same);
  }

  private String fingerprint(DatasetDraft dataset) {
    try (JobPlan plan = plan(dataset)) {
      return plan.dataset("train").fingerprint();
    }
  }

  @Test
  void aShuffledSplitThatAWorkerCannotHoldIsRefusedWithTheNumbers() {
    String columns =
        IntStream.range(0, 8)
            .mapToObj(i -> "range::DOUBLE AS x" + i)
            .collect(Collectors.joining(", "));
    ENGINE
        .session()
        .execute(
            "COPY (SELECT %s FROM range(400000)) TO '%s' (FORMAT parquet)"
                .formatted(columns, folder.resolve("long.parquet")));
    DatasetDraft wide = Dataset.parquet("long.parquet").batch(64);
    DatasetDraft matrix = wide.tensor("x", "x*");
    ExperimentDraft small = Experiment.named("e").in(folder).workers(2).workerMemory("64MiB");
    assertThatThrownBy(() -> JobPlan.of(small.dataset("train", matrix).build(), scratch()))
        .hasMessage(
            "A split of 4 row groups needs 35 MiB to be shuffled, but each worker has 32 MiB for rows of this dataset that wait (lower shuffle.row_groups, use shuffle: none, or raise cluster.workers.memory)");
    JobPlan.of(small.dataset("train", matrix.shuffle(Shuffle.none())).build(), scratch()).close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"lastmile_row", "Lastmile_Path", "file_row_number"})
  void aSourceMustNotHaveTheNamesOfTheRowIdentity(String name) {
    ENGINE
        .session()
        .execute(
            "COPY (SELECT 1 AS x, 2 AS %s) TO '%s' (FORMAT parquet)"
                .formatted(name, folder.resolve("own.parquet")));
    assertThatThrownBy(() -> plan(Dataset.parquet("own.parquet").tensor("x", "x")))
        .hasMessage(
            "Reserved column name: \"%s\" in %s (file_row_number and names that begin with lastmile_ are needed for the row identity; write the files with another name)"
                .formatted(name, folder.resolve("own.parquet")));
  }

  @Test
  void aMistakeNamesItsElement() {
    assertThatThrownBy(() -> plan(steps().filter("sum(label) > 3")))
        .isInstanceOfSatisfying(
            LastmileException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(FailureKind.USER);
              assertThat(e.element()).isEqualTo("datasets.train.steps[3].filter");
            });
  }
}
