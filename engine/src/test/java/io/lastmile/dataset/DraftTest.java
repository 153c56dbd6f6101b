package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Experiments said in code: refined, never mutated, and checked as those in files are. */
class DraftTest {
  private static final DatasetDraft SMALL = Dataset.parquet("a.parquet").tensor("x", "x");

  @Test
  void variationsLeaveTheirOriginAsItWas() {
    DatasetDraft before = Dataset.parquet("a.parquet").tensor("x", "x");
    assertThat(SMALL.filter("a").derive("b", "c").select("d").drop("e").downsample(0.5).steps())
        .hasSize(5);
    assertThat(SMALL.antiJoin("s", "k").tensor("y", "y").batch(1).keys("k").prefetch(9).slots(10))
        .isNotEqualTo(SMALL);
    assertThat(SMALL.shuffle(Shuffle.none()).source(Source.Parquet.of("b"))).isNotEqualTo(SMALL);
    assertThat(SMALL).isEqualTo(before);

    ExperimentDraft base = Experiment.named("base").dataset("train", SMALL).workers(1);
    Experiment first = base.build();
    assertThat(
            base.seed(1).in(Path.of("/x")).dataset("valid", SMALL).train("t.py").workers(3).build())
        .isNotEqualTo(first);
    assertThat(base.build()).isEqualTo(first);
  }

  @Test
  void recordsCopyWhatTheyAreGiven() {
    List<String> paths = new ArrayList<>(List.of("a"));
    Source.Parquet source = new Source.Parquet(paths, Source.OnCorrupt.FAIL, Source.Schema.STRICT);
    paths.add("b");
    assertThat(source.paths()).containsExactly("a");

    Map<String, Dataset> datasets =
        new LinkedHashMap<>(Map.of("train", SMALL.build("train", Mistakes.first())));
    Experiment experiment =
        new Experiment("e", 0, datasets, null, Cluster.local(), Origin.code(Path.of("")));
    datasets.clear();
    assertThat(experiment.datasets()).containsOnlyKeys("train");
  }

  @Test
  void defaultsAreThoseOfTheFile() {
    Experiment experiment =
        Experiment.named("e").dataset("train", SMALL).dataset("valid", SMALL).build();
    assertThat(experiment.dataset("train"))
        .isEqualTo(
            new Dataset(
                Source.Parquet.of("a.parquet"),
                List.of(),
                List.of(Tensor.of("x", "x").nulls(Tensor.Nulls.ERROR)),
                4096,
                Shuffle.rowGroups(8),
                List.of(),
                4,
                6,
                Dataset.OnEmpty.ALLOW,
                Dataset.LastStep.UNEVEN,
                Dataset.Certificate.IDENTITIES,
                Dataset.Order.DETERMINISTIC));
    assertThat(experiment.dataset("valid")).extracting(Dataset::shuffle).isEqualTo(Shuffle.none());
    assertThat(experiment.origin().folder()).isEqualTo(Path.of("").toAbsolutePath());
    assertThat(experiment.origin().file()).isNull();
    assertThat(experiment.cluster()).isEqualTo(Cluster.local());
  }

  @Test
  void aWrongValueIsRefusedByTheCallThatBringsIt() {
    refused(() -> SMALL.batch(0), "Invalid batch: 0 (must be > 0) [batch]");
    refused(() -> SMALL.prefetch(-1), "Invalid prefetch: -1 (must be > 0) [prefetch]");
    refused(() -> SMALL.slots(0), "Invalid slots: 0 (must be > 0) [slots]");
    refused(() -> SMALL.keys("a", "a"), "Invalid keys: \"a\" is listed twice [keys]");
    refused(() -> SMALL.tensor("x", "y"), "Invalid tensors: \"x\" is listed twice [tensors]");
    refused(() -> SMALL.filter(""), "Invalid filter: \"\" (must be an SQL expression) [filter]");
    refused(() -> SMALL.derive("a", ""), "Invalid a: \"\" (must be an SQL expression) [a]");
    refused(() -> SMALL.downsample(0), "Invalid keep: 0.0 (must be in (0, 1]) [keep]");
    refused(() -> SMALL.downsample(Double.NaN), "Invalid keep: NaN (must be in (0, 1]) [keep]");
    refused(() -> SMALL.antiJoin("s"), "Invalid on: none (must be at least one) [on]");
    refused(() -> SMALL.select(), "Invalid select: none (must be at least one) [select]");
    refused(
        () -> SMALL.tensor("y", "y", t -> t.fill(Double.NaN)),
        "Invalid fill: NaN (must be finite) [fill]");
    refused(
        () -> new Tensor.Columns.One("a*"),
        "Invalid columns: \"a*\" (a pattern makes a matrix) [columns]");
    refused(() -> Dataset.parquet(), "Invalid parquet: none (must be at least one) [parquet]");
    refused(() -> Training.of("t.py").ranks(0), "Invalid ranks: 0 (must be > 0) [ranks]");
    refused(
        () -> Training.of("t.py").restarts(-1), "Invalid restarts: -1 (must be >= 0) [restarts]");
    refused(
        () -> Training.of("t.py").stallTimeout("soon"),
        "Invalid stall_timeout: \"soon\" (must be a duration such as 30s or 5m) [stall_timeout]");
    refused(() -> Shuffle.rowGroups(0), "Invalid row_groups: 0 (must be > 0) [row_groups]");
    refused(() -> Cluster.local().workers(0), "Invalid workers.max: 0 (must be > 0) [workers.max]");
    refused(
        () -> Cluster.local().workerMemory("much"),
        "Invalid workers.memory: \"much\" (must be a size such as 512MiB or 2GiB)"
            + " [workers.memory]");
    refused(
        () -> Cluster.local().splitTimeout("never"),
        "Invalid workers.split_timeout: \"never\" (must be a duration such as 30s or 5m)"
            + " [workers.split_timeout]");
    refused(
        () -> Cluster.local().splitTimeout(Duration.ZERO),
        "Invalid workers.split_timeout: 0 (must be > 0) [workers.split_timeout]");
    refused(
        () ->
            new Step.AntiJoin(
                SmallTable.of(Source.Parquet.of("s").onCorrupt(Source.OnCorrupt.SKIP)),
                List.of(new JoinKey("a", "a"))),
        "Invalid on_corrupt: skip (the table of a join must be whole) [on_corrupt]");
  }

  @Test
  void whatOnlyTheWholeShowsIsRefusedAtItsElement() {
    ExperimentDraft draft = Experiment.named("e");
    refused(draft::build, "Invalid datasets: none (must be at least one) [datasets]");
    refused(
        draft.dataset("train", Dataset.parquet("a"))::build,
        "Invalid tensors: none (must be at least one) [datasets.train.tensors]");
    refused(
        () -> draft.dataset("train", SMALL.slots(4)),
        "Invalid slots: 4 (must be > prefetch: 4) [datasets.train.slots]");
    refused(
        () -> draft.dataset("train", SMALL.tensor("y", "y", Tensor::padded)),
        "Invalid pad: true (needs max_length, the width of the matrix)"
            + " [datasets.train.tensors.y.pad]");
    refused(
        () -> draft.dataset("train", SMALL).dataset("train", SMALL),
        "Invalid datasets: \"train\" is listed twice [datasets.train]");
    refused(
        () -> draft.dataset("a b", SMALL),
        "Invalid name: \"a b\" (must be letters, digits, '-', '_' and '.', begin with a letter or"
            + " digit, and be at most 100 long) [datasets.a b]");
    refused(
        () -> Experiment.named("x".repeat(101)),
        "Invalid name: \""
            + "x".repeat(101)
            + "\" (must be letters, digits, '-', '_' and '.', begin with a letter or digit, and be"
            + " at most 100 long) [name]");
  }

  @Test
  void findsItsDatasetsByName() {
    Experiment experiment = Experiment.named("e").dataset("train", SMALL).build();
    assertThat(experiment.dataset("train").batch()).isEqualTo(4096);
    refused(
        () -> experiment.dataset("trian"),
        "Unknown dataset \"trian\" (did you mean \"train\"?) [datasets]");
    refused(
        () -> experiment.dataset("valid"), "Unknown dataset \"valid\" (known: train) [datasets]");
  }

  private static void refused(ThrowingCallable call, String line) {
    LastmileException mistake = catchThrowableOfType(LastmileException.class, call);
    assertThat(mistake.line()).isEqualTo("error: " + line);
    assertThat(mistake.kind()).isEqualTo(FailureKind.USER);
  }
}
