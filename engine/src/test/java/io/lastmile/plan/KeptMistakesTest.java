package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.ExperimentReader;
import io.lastmile.dataset.SmallTable;
import io.lastmile.dataset.Source;
import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.query.EngineResource;
import io.lastmile.source.TestScratch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** What planning finds behind a mistake that is kept, and what it leaves unsaid. */
class KeptMistakesTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  private static final DatasetDraft TABLE = Dataset.parquet("a.parquet").batch(8);

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    write("a.parquet", "SELECT 1 AS i, 2::BIGINT AS l, 'a' AS text, [1, 2] AS seq, [3] AS other");
    write("b.parquet", "SELECT 1 AS i, 0.5 AS rate, 'x' AS word");
  }

  private void write(String file, String query) {
    ENGINE
        .session()
        .execute("COPY (%s) TO '%s' (FORMAT parquet)".formatted(query, folder.resolve(file)));
  }

  /** The mistakes of a dataset that has a good tensor too. */
  private List<String> mistakes(UnaryOperator<DatasetDraft> more) {
    Mistakes mistakes = Mistakes.all();
    DatasetDraft dataset = more.apply(TABLE.tensor("good", "l"));
    JobPlan.check(
        Experiment.named("e")
            .in(folder)
            .dataset("train", dataset)
            .dataset("also", dataset)
            .workers(1)
            .build(),
        new TestScratch(folder),
        mistakes);
    List<String> lines = mistakes.found().stream().map(LastmileException::line).toList();
    List<String> first = lines.subList(0, lines.size() / 2);
    assertThat(lines.subList(first.size(), lines.size()))
        .as("a second dataset says the same")
        .isEqualTo(
            first.stream().map(line -> line.replace("datasets.train", "datasets.also")).toList());
    return first.stream().map(line -> line.replace("datasets.train.", "")).toList();
  }

  @Test
  void nothingIsFoundWhereNothingIsWrong() {
    assertThat(mistakes(dataset -> dataset.filter("i = 1").derive("twice", "i * 2"))).isEmpty();
  }

  @Test
  void everyStepTensorAndKeyIsLookedAt() {
    assertThat(
            mistakes(dataset ->
                dataset
                    .filter("j = 1")
                    .filter("i = = 1")
                    .downsample(0.5, step -> step.by("tex"))
                    .antiJoin("missing.parquet", "i")
                    .tensor("words", "text")
                    .tensor("lists", "sek")
                    .keys("seq", "k")))
        .containsExactly(
            "error: Unknown column \"j\" (did you mean \"i\"?) [steps[0].filter]",
            "error: Cannot parse \"i = = 1\": syntax error at or near \"=\" (character 5) [steps[1].filter]",
            "error: Unknown column \"tex\" (did you mean \"text\"?) [steps[2].downsample.by]",
            "error: No such file: \"missing.parquet\" [steps[3].anti_join.parquet]",
            "error: Invalid column: \"text\" is VARCHAR (give the tensor a hash or a vocabulary) [tensors.words.columns]",
            "error: Unknown column \"sek\" (did you mean \"seq\"?) [tensors.lists.columns]",
            "error: Invalid key: \"seq\" is INTEGER[] (must be a number, string, boolean, date or timestamp) [keys]",
            "error: Unknown column \"k\" (did you mean \"i\"?) [keys]");
  }

  @Test
  void whatUsesADerivedColumnWithAMistakeFollows() {
    Step derive =
        new Step.Derive(
            List.of(
                new Step.Derive.Column("a", "nothing + 1"),
                new Step.Derive.Column("b", "i + 1"),
                new Step.Derive.Column("c", "A + 1")));
    assertThat(
            mistakes(dataset ->
                dataset
                    .step(derive)
                    .filter("a = 1 AND c = 2")
                    .filter("b")
                    .weight("w", "c")
                    .derive("a", "w + 1")
                    .tensor("a", "a")
                    .tensor("w", "w")
                    .keys("b", "c")))
        .containsExactly(
            "error: Unknown column \"nothing\" [steps[0].derive.a]",
            "error: Invalid condition: b is INTEGER (must be BOOLEAN, such as a comparison) [steps[2].filter]");
  }

  @Test
  void whatUsesAJoinWithAMistakeFollows() {
    SmallTable missing = SmallTable.parquet("missing.parquet");
    assertThat(
            mistakes(dataset ->
                dataset
                    .join(missing, "i", join -> join.prefix("c_"))
                    .join(SmallTable.parquet("b.parquet"), "j", join -> join.select("rate"))
                    .filter("c_any = 1")
                    .filter("rate > 0")
                    .filter("word = 'x'")
                    .tensor("c", "c_*")
                    .tensor("d", "d_*")))
        .containsExactly(
            "error: No such file: \"missing.parquet\" [steps[0].join.parquet]",
            "error: Unknown column \"j\" (did you mean \"i\"?) [steps[1].join.on]",
            "error: Unknown column \"word\" [steps[4].filter]",
            "error: No column matches \"d_*\" [tensors.d.columns]");
  }

  @Test
  void whatAColumnBecomesFollows() {
    assertThat(
            mistakes(dataset ->
                dataset
                    .cast("i", "NOTYPE")
                    .explode("seq", "text")
                    .drop("teext")
                    .derive("text", "1")
                    .rename("x", "l2")
                    .filter("l2 = 1")
                    .filter("len(i) = 1 AND len(seq) = 2")
                    .tensor("i", "i", tensor -> tensor.maxLength(3))
                    .tensor("other", "other", tensor -> tensor.hash(5))))
        .containsExactly(
            "error: Invalid expression: CAST(\"i\" AS NOTYPE) (Type with name NOTYPE does not exist! Did you mean \"JSON\"?) [steps[0].cast.i]",
            "error: Invalid column: \"text\" is VARCHAR (must be a list) [steps[1].explode.columns]",
            "error: Unknown column \"teext\" [steps[2].drop]",
            "error: Unknown column \"x\" (did you mean \"l\"?) [steps[4].rename]",
            "error: Invalid hash: \"other\" is INTEGER[] (must be a string) [tensors.other.hash]");
  }

  @Test
  void aSelectionWithAMistakeLeavesTheOthersInDoubt() {
    assertThat(
            mistakes(dataset ->
                dataset
                    .select("l", "texxt", "seq")
                    .derive("text", "1")
                    .filter("i = 1")
                    .filter("l")))
        .containsExactly(
            "error: Unknown column \"texxt\" (did you mean \"text\"?) [steps[0].select]",
            "error: Invalid condition: l is BIGINT (must be BOOLEAN, such as a comparison) [steps[3].filter]");
  }

  @Test
  void behindAMissingSourceExpressionsAreStillRead() {
    assertThat(
            mistakes(dataset ->
                dataset
                    .source(Source.Parquet.of("missing.parquet"))
                    .filter("x = 1")
                    .derive("total", "sum(x)")
                    .explode("lists")
                    .antiJoin("b.parquet", "x")
                    .tensor("x", "x")
                    .keys("x")))
        .containsExactly(
            "error: No such file: \"missing.parquet\" [source.parquet]",
            "error: Cannot use \"sum(x)\": sum() is an aggregate, but it sees one row (use the step join with a table of totals) [steps[1].derive.total]");
  }

  /** What is found in a file whose mistakes are kept from its reading on. */
  private List<String> mistakesOfFile(String datasets) throws IOException {
    Path file = folder.resolve("e.yaml");
    Files.writeString(file, "name: e\ndatasets:\n" + datasets);
    Mistakes mistakes = Mistakes.all();
    Experiment experiment = ExperimentReader.read(file, mistakes);
    JobPlan.check(experiment, new TestScratch(folder), mistakes);
    return experiment.origin().placed(mistakes.found()).stream()
        .map(mistake -> mistake.line().replace(folder + "/e.yaml", ""))
        .toList();
  }

  private static final String MISTAKEN =
      """
          steps:
            - derive: { c2: "clicked AND" }
            - filter: "nosuch > 1"
      """;

  private static final List<String> FOUND =
      List.of(
          "error: Cannot parse \"clicked AND\": it ends too early [:6]",
          "error: Unknown column \"nosuch\" [:7]");

  private static List<String> and(String last) {
    return Stream.concat(FOUND.stream(), Stream.of(last)).toList();
  }

  @Test
  void stepsAreLookedAtWithoutTensorsThatCouldBeRead() throws IOException {
    String train = "  train:\n    source: { parquet: a.parquet }\n" + MISTAKEN;
    assertThat(mistakesOfFile(train + "    tensors: { x: { columns: i, dtype: float33 } }\n"))
        .isEqualTo(and("error: Invalid dtype: \"float33\" (did you mean \"float32\"?) [:8]"));
    assertThat(mistakesOfFile(train + "    keys: [i, kei]\n"))
        .containsExactlyInAnyOrder(
            "error: Missing key \"tensors\" [:3]",
            FOUND.getFirst(),
            FOUND.getLast(),
            "error: Unknown column \"kei\" [:8]");
  }

  @Test
  void stepsOfWhatIsMixedAreLookedAtWithoutTheMix() throws IOException {
    String mixed =
        "  a:\n    source: { parquet: a.parquet }\n"
            + MISTAKEN
            + "  b: { source: { parquet: a.parquet } }\n";
    String parts = "[{ dataset: a, ratio: 0.5 }, { dataset: b, ratio: 0.5 }]";
    assertThat(
            mistakesOfFile(
                mixed + "  m: { mix: " + parts + ", tensors: { x: { columns: i, dtype: f } } }\n"))
        .hasSize(3)
        .containsAll(FOUND)
        .last()
        .asString()
        .startsWith("error: Invalid dtype: \"f\" (must be one of bool, ");
    assertThat(
            mistakesOfFile(
                mixed
                    + "  m: { mix: "
                    + parts.replace("0.5 }]", "0.6 }]")
                    + ", tensors: { x: { columns: i } } }\n"))
        .isEqualTo(and("error: Invalid mix: the ratios sum to 1.1 (must be 1) [:9]"));
  }

  private static final String SHARED =
      """
          tensors:
            y: { columns: y }
            many: { columns: ["i", "z_*"] }
            typo: { columns: I2 }
          keys: [i, y]
      """;

  private static final String MADE = "    steps: [SPLIT{ derive: { y: i, z_1: i, z_2: i } }]\n";

  @Test
  void aColumnThatOnlyAPartLacksIsSaidOfThePart() throws IOException {
    String split = "{ split: { by: i, parts: { train: 0.5, valid: 0.5 } } }, ";
    String train = "  train:\n    source: { parquet: a.parquet }\n" + MADE + SHARED;
    String valid = "  valid:\n    source: { dataset: train, part: valid }\n";
    String lacks = " in dataset \"valid\", which takes its %1$s from \"train\"";
    String remedy = " (make it before the split, or give \"valid\" %1$s of its own)";
    assertThat(mistakesOfFile(train.replace("SPLIT", split) + valid))
        .containsExactly(
            "error: Unknown column \"I2\" (did you mean \"i\"?) [:9]",
            "error: Unknown column \"y\"" + (lacks + remedy).formatted("tensors") + " [:11]",
            "error: No column matches \"z_*\"" + (lacks + remedy).formatted("tensors") + " [:11]",
            "error: Unknown column \"y\"" + (lacks + remedy).formatted("keys") + " [:11]");
    assertThat(
            mistakesOfFile(
                train.replace("SPLIT", split)
                    + valid
                    + "    tensors: { own: { columns: y } }\n    keys: [y]\n"))
        .containsExactly(
            "error: Unknown column \"I2\" (did you mean \"i\"?) [:9]",
            "error: Unknown column \"y\" (did you mean \"i\"?) [:13]",
            "error: Unknown column \"y\" (did you mean \"i\"?) [:14]");
  }

  @Test
  void aColumnThatOnlySomeOfAMixLackIsSaidOfThem() throws IOException {
    String mixed =
        "  a:\n    source: { parquet: a.parquet }\n"
            + MADE.replace("SPLIT", "")
            + "  b: { source: { parquet: a.parquet } }\n"
            + "  m:\n    mix: [{ dataset: a, ratio: 0.5 }, { dataset: b, ratio: 0.5 }]\n"
            + SHARED;
    String lacks = " in dataset \"b\", which is mixed into \"m\"";
    String remedy = " (each dataset of a mix needs the columns of its %s)";
    assertThat(mistakesOfFile(mixed))
        .containsExactly(
            "error: Unknown column \"y\"" + lacks + remedy.formatted("tensors") + " [:10]",
            "error: No column matches \"z_*\"" + lacks + remedy.formatted("tensors") + " [:11]",
            "error: Unknown column \"I2\" (did you mean \"i\"?) [:12]",
            "error: Unknown column \"y\"" + lacks + remedy.formatted("keys") + " [:13]");
  }

  @Test
  void expressionsAreReadBehindASourceThatCouldNotBeRead() throws IOException {
    String rest =
        MISTAKEN
            + "    tensors: { x: { columns: i } }\n"
            + "  valid: { source: { dataset: train, part: valid }, steps: [{ filter: \"a b\" }] }\n";
    assertThat(mistakesOfFile("  train:\n    source: { parqet: a.parquet }\n" + rest))
        .containsExactly(
            "error: Unknown key \"parqet\" (did you mean \"parquet\"?) [:4]",
            FOUND.getFirst(),
            "error: Unknown part \"valid\" (the dataset has no split) [:9]",
            "error: Cannot parse \"a b\": syntax error at or near \"b\" (character 3) [:9]");
  }

  @Test
  void tooLittleMemoryIsOneOfThem() {
    Mistakes mistakes = Mistakes.all();
    JobPlan.check(
        Experiment.named("e")
            .in(folder)
            .dataset("train", TABLE.tensor("x", "x"))
            .workerMemory("1KiB")
            .build(),
        new TestScratch(folder),
        mistakes);
    assertThat(mistakes.found())
        .extracting(LastmileException::text)
        .containsExactly(
            "Invalid memory: 1024 bytes (must be >= 64MiB)",
            "Unknown column \"x\" (did you mean \"i\"?)");
  }
}
