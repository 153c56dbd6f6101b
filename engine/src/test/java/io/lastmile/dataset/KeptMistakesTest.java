package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What reading keeps of an experiment with several mistakes, and what it says of each. */
class KeptMistakesTest {
  @TempDir Path folder = Path.of("");

  private final Mistakes mistakes = Mistakes.all();

  private Experiment read(String yaml) {
    return ExperimentReader.read(new ExperimentFiles(folder).write(yaml), mistakes);
  }

  private List<String> lines(Experiment experiment) {
    return experiment.origin().placed(mistakes.found()).stream()
        .map(mistake -> mistake.line().replace(folder + "/experiment.yaml", ""))
        .toList();
  }

  @Test
  void readingGoesOnBehindEachMistake() {
    Experiment experiment =
        read(
            """
            seed: many
            datasets:
              train:
                source: { parquet: a, csv: b }
                tensors: {}
              both:
                source: { parquet: a.parquet }
                steps:
                  - filter: "a = 1"
                  - filtre: "a = 1"
                  - derive: { good: "1", bad: 1, worse: "" }
                  - limit: 3
                  - split: { parts: { train: 0.5 } }
                batch: 0
                keys: [a, 1]
                prefetch: 3
                slots: 2
                tensors:
                  x: { columns: x, dtype: flaot32, fill: much }
                  y: { columns: y, pad: true }
                  z: { columns: z }
                  z: { columns: z }
            train: { script: train.py, ranks: 0, restarts: -1, stall_timeout: soon }
            cluster: { workers: { max: 0, memory: true } }
            """);
    assertThat(lines(experiment))
        .containsExactly(
            "error: Missing key \"name\" []",
            "error: Invalid seed: \"many\" (must be a whole number) [:1]",
            "error: Invalid source: parquet and csv (must be only one of parquet, csv, json, arrow) [:4]",
            "error: Invalid tensors: none (must be at least one) [:5]",
            "error: Unknown step \"filtre\" (did you mean \"filter\"?) [:10]",
            "error: Invalid bad: 1 (must be an SQL expression) [:11]",
            "error: Invalid worse: \"\" (must be an SQL expression) [:11]",
            "error: Invalid limit: a step follows (must be the last) [:12]",
            "error: Missing part: no part is named \"both\" as the dataset is (must be one of train) [:13]",
            "error: Invalid batch: 0 (must be > 0) [:14]",
            "error: Invalid keys[1]: 1 (must be text) [:15]",
            "error: Invalid slots: 2 (must be > prefetch: 3) [:17]",
            "error: Invalid dtype: \"flaot32\" (did you mean \"float32\"?) [:19]",
            "error: Invalid fill: \"much\" (must be a number) [:19]",
            "error: Invalid pad: true (needs max_length, the width of the matrix) [:20]",
            "error: Duplicate key \"z\" (first on line 21) [:22]",
            "error: Invalid ranks: 0 (must be > 0) [:23]",
            "error: Invalid restarts: -1 (must be >= 0) [:23]",
            "error: Invalid stall_timeout: \"soon\" (must be a duration such as 30s or 5m) [:23]",
            "error: Invalid max: 0 (must be > 0) [:24]",
            "error: Invalid memory: true (must be a size such as 512MiB or 2GiB) [:24]");
    Dataset both = experiment.dataset("both");
    assertThat(both.steps())
        .containsExactly(
            new Step.Filter("a = 1"),
            new Step.Unread("filter", List.of()),
            new Step.Unread("derive", List.of("good", "bad", "worse")),
            new Step.Limit(3),
            new Step.Unread("split", List.of()));
    assertThat(both.tensors()).extracting(Tensor::name).containsExactly("z");
    assertThat(experiment.training()).isEqualTo(Training.of("train.py"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "x: { column: x }|Unknown key \"column\" (did you mean \"columns\"?)",
        "x: { columns: [1] }|Invalid columns[0]: 1 (must be text)",
        "x: 3|Invalid x: 3 (must be a mapping)",
      })
  void whatFollowsFromAMistakeIsNone(String tensor, String message) {
    Experiment experiment =
        read(ExperimentFiles.SMALLEST.replace("label: { columns: label }", tensor));
    assertThat(lines(experiment)).containsExactly("error: " + message + " [:5]");
    assertThat(experiment.dataset("train").tensors()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "derive: { a: 1 }|Invalid a: 1 (must be an SQL expression)|a",
        "derive: { a: }|Invalid a: nothing (must be an SQL expression)|a",
        "weight: { a: [] }|Invalid a: a list (must be an SQL expression)|a",
        "label: { a: { classes: [] } }|Invalid classes: a list (must be a mapping)|a",
        "rename: { a: 1 }|Invalid a: 1 (must be text)|a,1",
        "select: [1]|Invalid select[0]: 1 (must be text)|*",
        "cast: { a: 1 }|Invalid a: 1 (must be text)|a,1",
        "join: { parquet: [1], on: a }|Invalid parquet[0]: 1 (must be text)|*",
        "join: { parqet: b, on: a }|Missing key \"parquet\" (or csv, json, arrow, values)|*",
        "anti_join: { values: { a: [{}] }, on: a }|Invalid a[0]: a mapping (must be a number, text, true, false or nothing)|",
        "downsample: { keep: 2, weight: w, by: u }|Invalid keep: 2.0 (must be in (0, 1])|w",
        "split: { parts: { train: x } }|Invalid train: \"x\" (must be a number)|",
        "frobnicate: { a: 1 }|Unknown step \"frobnicate\" (known: filter, derive, select, drop, rename, cast, join, semi_join, anti_join, downsample, sample, upsample, weight, label, explode, truncate, split, limit)|*",
        "explode: { columns: a, position: 3 }|Invalid position: 3 (must be text)|columns,a,position,3",
      })
  void aStepIsReadWholeOrNot(String step, String message, String columns) {
    Experiment experiment = read(ExperimentFiles.dataset("steps: [" + step + "]"));
    assertThat(lines(experiment)).containsExactly("error: " + message + " [:6]");
    String written = step.substring(0, step.indexOf(':'));
    String kind = written.equals("frobnicate") ? "" : written;
    List<String> doubtful =
        columns == null ? List.of() : Stream.of(columns.split(",", -1)).toList();
    assertThat(experiment.dataset("train").steps())
        .containsExactly(new Step.Unread(kind, doubtful));
  }

  @Test
  void aPartOfWhatHasAMistakeIsNone() {
    Experiment experiment =
        read(
            """
            name: parts
            datasets:
              lost: 3
              unsplit:
                source: { parquet: a.parquet }
                steps: [split: { parts: { unsplit: 2, valid: 0.5 } }]
                tensors: { x: { columns: x } }
              one: { source: { dataset: lost, part: valid } }
              two: { source: { dataset: unsplit, part: valid } }
              three: { source: { dataset: three, part: valid } }
              four: { source: { dataset: unsplit } }
            """);
    assertThat(lines(experiment))
        .containsExactly(
            "error: Invalid lost: 3 (must be a mapping) [:3]",
            "error: Invalid unsplit: 2.0 (must be in (0, 1]) [:6]",
            "error: Unknown dataset \"three\" (must be one that is written above it) [:10]",
            "error: Missing key \"part\" [:11]");
    assertThat(experiment.datasets())
        .containsOnlyKeys("unsplit", "one", "two", "three", "four")
        .allSatisfy((name, dataset) ->
            assertThat(dataset.source())
                .isEqualTo(
                    name.equals("unsplit") ? Source.Parquet.of("a.parquet") : new Source.Unread()));
  }

  @Test
  void canonicalJsonKeepsThemToo() {
    String json =
        """
        {"version":1,"name":"a","datasets":[["train",{"batch":0,"source":{"parquet":["a"]},
         "steps":[{"filter":1}],"tensors":[["x",{"columns":"x"}]]}]]}
        """;
    Experiment experiment = CanonicalJson.read(json, folder, mistakes);
    assertThat(experiment.origin().placed(mistakes.found()))
        .extracting(LastmileException::line)
        .containsExactlyInAnyOrder(
            "error: Invalid batch: 0 (must be > 0) [datasets.train.batch]",
            "error: Invalid filter: 1 (must be an SQL expression) [datasets.train.steps[0].filter]");
  }

  @Test
  void whatIsNoExperimentFileIsThrown() {
    assertThatThrownBy(() -> read("a: [")).isInstanceOf(LastmileException.class);
    assertThat(mistakes.found()).isEmpty();
  }
}
