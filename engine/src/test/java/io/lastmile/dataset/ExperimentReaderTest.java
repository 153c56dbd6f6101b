package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExperimentReaderTest {
  @TempDir Path folder = Path.of("");
  private ExperimentFiles files = new ExperimentFiles(folder);

  @BeforeEach
  void inFolder() {
    files = new ExperimentFiles(folder);
  }

  @Test
  void fillsInTheDefaults() {
    Experiment experiment = files.read(ExperimentFiles.SMALLEST);
    assertThat(experiment.name()).isEqualTo("ctr");
    assertThat(experiment.seed()).isZero();
    assertThat(experiment.training()).isNull();
    assertThat(experiment.cluster())
        .isEqualTo(
            new Cluster(
                Runtime.getRuntime().availableProcessors(), 2L << 30, Duration.ofMinutes(10)));
    assertThat(experiment.datasets())
        .containsExactly(
            Map.entry(
                "train",
                new Dataset(
                    new Source.Parquet(
                        List.of("a.parquet"), Source.OnCorrupt.FAIL, Source.Schema.STRICT),
                    List.of(),
                    List.of(Tensor.of("label", "label")),
                    4096,
                    new Shuffle.RowGroups(8, null),
                    List.of(),
                    4,
                    6,
                    Dataset.OnEmpty.ALLOW,
                    Dataset.LastStep.UNEVEN,
                    Dataset.Certificate.IDENTITIES,
                    Dataset.Order.DETERMINISTIC)));
  }

  @Test
  void validationKeepsFileOrderUnlessItSaysOtherwise() {
    String valid = ExperimentFiles.SMALLEST.replace("train:", "valid:");
    assertThat(shuffle(valid, "valid")).isEqualTo(new Shuffle.None());
    assertThat(shuffle(valid + "    shuffle: { row_groups: 2 }\n", "valid"))
        .isEqualTo(new Shuffle.RowGroups(2, null));
    assertThat(shuffle(ExperimentFiles.SMALLEST.replace("train:", "validate:"), "validate"))
        .isEqualTo(new Shuffle.RowGroups(8, null));
  }

  private Shuffle shuffle(String yaml, String dataset) {
    return files.read(yaml).dataset(dataset).shuffle();
  }

  @Test
  void slotsFollowPrefetch() {
    assertThat(dataset("prefetch: 9").slots()).isEqualTo(11);
    assertThat(dataset("slots: 7\nprefetch: 6").slots()).isEqualTo(7);
  }

  @Test
  void aPatternOrAListIsAMatrixAndANameIsAColumn() {
    assertThat(columns("label")).isEqualTo(new Tensor.Columns.One("label"));
    assertThat(columns("\"dense_*\"")).isEqualTo(new Tensor.Columns.Many(List.of("dense_*")));
    assertThat(columns("cat_?")).isEqualTo(new Tensor.Columns.Many(List.of("cat_?")));
    assertThat(columns("[label]")).isEqualTo(new Tensor.Columns.Many(List.of("label")));
  }

  private Tensor.Columns columns(String yaml) {
    String text = ExperimentFiles.SMALLEST.replace("columns: label", "columns: " + yaml);
    return files.read(text).dataset("train").tensors().getFirst().columns();
  }

  private Dataset dataset(String more) {
    return files.read(ExperimentFiles.dataset(more)).dataset("train");
  }

  @Test
  void saltIsTheKindOfTheStepUnlessItSaysOtherwise() {
    Dataset dataset = dataset("steps: [downsample: {keep: 0.5}, downsample: {keep: 0.5, salt: b}]");
    assertThat(dataset.steps())
        .containsExactly(
            new Downsample(
                null, new Keep.Share(0.5), List.of(), null, "downsample", Step.Resample.ONCE),
            new Downsample(null, new Keep.Share(0.5), List.of(), null, "b", Step.Resample.ONCE));
  }

  @Test
  void numbersMayBeWrittenInAnyBase() {
    assertThat(files.read("seed: 0xFF\n" + ExperimentFiles.SMALLEST).seed()).isEqualTo(255);
    assertThat(files.read("seed: 0o17\n" + ExperimentFiles.SMALLEST).seed()).isEqualTo(15);
    assertThat(files.read("seed: +3\n" + ExperimentFiles.SMALLEST).seed()).isEqualTo(3);
    assertThat(files.read("seed: -9223372036854775808\n" + ExperimentFiles.SMALLEST).seed())
        .isEqualTo(Long.MIN_VALUE);
  }

  @Test
  void memoryMayBeBytes() {
    String yaml =
        ExperimentFiles.more(
            "cluster: { workers: { min: 3, max: 3, memory: 1000, split_timeout: 500ms } }\n");
    assertThat(files.read(yaml).cluster()).isEqualTo(new Cluster(3, 1000, Duration.ofMillis(500)));
  }

  @ParameterizedTest
  @CsvSource({
    "30s, 30000",
    "500ms, 500",
    "1.5m, 90000",
    "2 h, 7200000",
    "0.0019s, 1",
    "'\"3\"', 3000",
    "3, 3000",
    "0.25, 250",
  })
  void durations(String text, long millis) {
    String yaml = ExperimentFiles.more("train: { script: a, stall_timeout: " + text + " }\n");
    assertThat(files.read(yaml).training())
        .isEqualTo(Training.of("a").stallTimeout(Duration.ofMillis(millis)));
  }

  @Test
  void anAnchorIsReadWhereItIsUsed() {
    String yaml =
        """
        name: ctr
        datasets:
          train: &same
            source: { parquet: a.parquet }
            tensors: { label: { columns: label } }
            shuffle: none
          valid: *same
        """;
    Experiment experiment = files.read(yaml);
    assertThat(experiment.dataset("valid")).isEqualTo(experiment.dataset("train"));
    assertThat(experiment.origin().lines()).containsEntry("datasets.valid", 7);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\uFEFF", "---\n", "# über\n", "%YAML 1.2\n---\n"})
  void readsYamlThatBeginsWith(String start) {
    assertThat(files.read(start + ExperimentFiles.SMALLEST).name()).isEqualTo("ctr");
  }

  @Test
  void canonicalJsonOfPlainMappingsIsYamlToo() {
    String json =
        "{\"name\":\"ctr\",\"datasets\":{\"train\":{\"source\":{\"parquet\":[\"a.parquet\"]},"
            + "\"tensors\":{\"label\":{\"columns\":\"label\"}}}}}";
    assertThat(files.read(json).datasets())
        .isEqualTo(files.read(ExperimentFiles.SMALLEST).datasets());
  }

  @Test
  void saysTheLineOfEachElement() throws Exception {
    Path file = folder.resolve("every-feature.yaml");
    try (var in = getClass().getResourceAsStream("every-feature.yaml")) {
      Files.write(file, in.readAllBytes());
    }
    Origin origin = ExperimentReader.read(file).origin();
    assertThat(origin.folder()).isEqualTo(folder.toAbsolutePath());
    assertThat(origin.file()).isEqualTo(file.toString());
    List<String> text = Files.readAllLines(file, StandardCharsets.UTF_8);
    assertThat(
            List.of(
                "name",
                "seed",
                "datasets",
                "datasets.train",
                "datasets.train.source.parquet",
                "datasets.train.source.on_corrupt",
                "datasets.train.steps[0].anti_join.on",
                "datasets.train.steps[3].filter",
                "datasets.train.steps[4].downsample.keep",
                "datasets.train.steps[6].derive.again",
                "datasets.train.tensors.dense.columns",
                "datasets.train.shuffle",
                "datasets.train.keys[1]",
                "train.script",
                "cluster.workers.max"))
        .allSatisfy(element -> {
          String place = origin.place(element);
          int line = Integer.parseInt(place.substring(place.lastIndexOf(':') + 1));
          String key = element.replaceAll("\\[\\d+\\]$", "").replaceAll(".*\\.", "");
          assertThat(text.get(line - 1)).contains(key + ":");
        });
  }
}
