package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The YAML form, the Java form and the JSON form of one experiment are the same experiment. */
class CanonicalJsonTest {
  @TempDir Path folder = Path.of("");

  @Test
  void yamlGivesTheCanonicalText() throws IOException {
    assertThat(CanonicalJson.write(fromYaml())).isEqualTo(golden());
  }

  @Test
  void codeGivesTheCanonicalText() throws IOException {
    assertThat(CanonicalJson.write(inCode())).isEqualTo(golden());
  }

  @Test
  void readsWhatItWrites() throws IOException {
    Experiment read = CanonicalJson.read(golden(), folder);
    assertThat(read).isEqualTo(inCode());
    assertThat(CanonicalJson.write(read)).isEqualTo(golden());
  }

  @Test
  void aFileOfTheTextIsAnExperimentFile() throws IOException {
    Path file = folder.resolve("saved.json");
    Files.writeString(file, golden() + "\n");
    assertThat(ExperimentReader.read(file)).isEqualTo(inCode());
    Files.writeString(file, golden().replace("\"batch\":512", "\"batch\":0"));
    LastmileException mistake =
        catchThrowableOfType(LastmileException.class, () -> ExperimentReader.read(file));
    assertThat(mistake.line())
        .isEqualTo("error: Invalid batch: 0 (must be > 0) [datasets.train.batch]");
  }

  @Test
  void anExperimentWithoutTrainingTravelsToo() {
    Experiment experiment =
        Experiment.named("small")
            .in(folder)
            .dataset("valid", Dataset.parquet("a").tensor("x", "x"))
            .cluster(Cluster.local().workers(1).workerMemory(1))
            .build();
    String json = CanonicalJson.write(experiment);
    assertThat(json)
        .isEqualTo(
            "{\"cluster\":{\"kind\":\"local\",\"workers\":{\"max\":1,\"memory\":1,\"split_timeout\":600.0}},\"datasets\":"
                + "[[\"valid\",{\"batch\":4096,\"certificate\":\"identities\",\"keys\":[],\"last_step\":\"uneven\",\"on_empty\":\"allow\",\"order\":\"deterministic\","
                + "\"prefetch\":4,\"shuffle\":\"none\",\"slots\":6,\"source\":{\"on_corrupt\":"
                + "\"fail\",\"parquet\":[\"a\"],\"schema\":\"strict\"},\"steps\":[],\"tensors\":[[\"x\",{\"columns\":\"x\","
                + "\"dtype\":null,\"fill\":null,\"hash\":null,\"layout\":\"dense\",\"max_length\":null,"
                + "\"null\":\"error\",\"pad\":false,\"truncate\":\"first\",\"vocabulary\":null}]]}]],"
                + "\"name\":\"small\",\"seed\":0,\"train\":null,\"version\":1}");
    assertThat(CanonicalJson.read(json, folder)).isEqualTo(experiment);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"batch\":512|\"batch\":0|error: Invalid batch: 0 (must be > 0) [datasets.train.batch]",
        "\"keep\":0.1|\"keep\":2.0|error: Invalid keep: 2.0 (must be in (0, 1]) [datasets.train.steps[4].downsample.keep]",
        "\"ranks\":2|\"rank\":2|error: Unknown key \"rank\" (did you mean \"ranks\"?) [train.rank]",
        "\"version\":1|\"version\":2|error: version: 2 is not supported yet [version]",
        ",\"version\":1||error: Missing key \"version\"",
        "[\"again\",|[\"engaged\",|error: Duplicate key \"engaged\" [datasets.train.steps[6].derive.engaged]",
        "\"name\":\"every-feature_1.0\"|\"name\":1.0|error: Invalid name: 1.0 (must be text) [name]",
      })
  void aWrongTextHasTheElementAsItsPlace(String right, String wrong, String line)
      throws IOException {
    String json = golden().replace(right, Objects.requireNonNullElse(wrong, ""));
    LastmileException mistake =
        catchThrowableOfType(LastmileException.class, () -> CanonicalJson.read(json, folder));
    assertThat(mistake.line()).isEqualTo(line);
  }

  @Test
  void refusesWhatIsNoJson() {
    assertThatThrownBy(() -> CanonicalJson.read("", folder))
        .isInstanceOf(LastmileException.class)
        .hasMessage("Invalid experiment (Invalid JSON: nothing)");
    assertThatThrownBy(() -> CanonicalJson.read("[]", folder))
        .isInstanceOf(LastmileException.class)
        .hasMessage("Invalid experiment: a list (must be a mapping)");
  }

  private Experiment fromYaml() throws IOException {
    Path file = folder.resolve("every-feature.yaml");
    Files.writeString(file, resource("every-feature.yaml"));
    return ExperimentReader.read(file);
  }

  private static String golden() throws IOException {
    return resource("every-feature.json").strip();
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = CanonicalJsonTest.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private Experiment inCode() {
    return Experiment.named("every-feature_1.0")
        .seed(-7)
        .in(folder)
        .dataset("train", train())
        .dataset("every_step", everyStep())
        .dataset(
            "every_part",
            everyStep()
                .part("train")
                .withoutTensors()
                .tensor("clicked", "clicked", t -> t.hash(10)))
        .dataset("by-day", label("data/c.parquet").shuffle(Shuffle.within("dt")))
        .dataset("in_order", label("data/c.parquet").shuffle(Shuffle.none()))
        .dataset("valid", label("data/valid.parquet"))
        .dataset("other", label("data/other"))
        .dataset("of_csv", label(Dataset.csv("a.csv", "b/*.csv")))
        .dataset("of_json", label(Dataset.json("a.jsonl")))
        .dataset("of_arrow", label(Dataset.arrow("a.arrow")))
        .dataset("bare", Dataset.csv("bare.csv").shuffle(Shuffle.none()))
        .dataset(
            "mixed",
            label(
                Dataset.mix(Mix.part("other", 0.75), Mix.part("bare", 0.25))
                    .onDry(Mix.OnDry.REPEAT)
                    .limit(100)
                    .lastStep(Dataset.LastStep.DROP)))
        .dataset("mixed_alike", label(Dataset.mix(Mix.part("bare", 0.5), Mix.part("of_csv", 0.5))))
        .train(
            "train.py",
            t ->
                t.ranks(2)
                    .args("--epochs", "2", "--rate", "1e-3", "--wide", "true")
                    .restarts(3)
                    .stallTimeout("1.5m"))
        .cluster(Cluster.local().splitTimeout("1.5m"))
        .workers(4)
        .workerMemory("512MiB")
        .build();
  }

  private static DatasetDraft label(String path) {
    return label(Dataset.parquet(path));
  }

  private static DatasetDraft label(DatasetDraft dataset) {
    return dataset.tensor("label", "label");
  }

  private static DatasetDraft train() {
    Source source =
        Source.Parquet.of("data/a/*.parquet", "/archive/b.parquet")
            .onCorrupt(Source.OnCorrupt.SKIP)
            .schema(Source.Schema.UNION);
    return steps(Dataset.parquet("-").source(source))
        .tensor("dense", "dense_*", t -> t.dtype(DType.FLOAT32).fill(0))
        .tensor("cat", List.of("cat_a", "cat_?"), t -> t.dtype(DType.INT64).fill(-1))
        .tensor("seq_item", "seq_item", t -> t.maxLength(200))
        .tensor("user_emb", "user_emb", t -> t.dtype(DType.FLOAT64).fill(0.5))
        .tensor("country", "country", t -> t.hash(new Tensor.Hash(1000, Long.MAX_VALUE)))
        .tensor("city", "city", t -> t.hash(50))
        .tensor(Tensor.of("one", List.of("only")).dtype(DType.BOOL))
        .tensor("label", "engaged")
        .tensor(
            "history",
            "history",
            t ->
                t.nulls(Tensor.Nulls.MASK)
                    .dtype(DType.FLOAT16)
                    .padded()
                    .truncate(Tensor.Truncate.LAST)
                    .maxLength(50))
        .tensor("tags", "tags", t -> t.nulls(Tensor.Nulls.FILL))
        .tensor("sparse", List.of("cat_a", "seq_*"), t -> t.layout(Tensor.Layout.KEYED))
        .tensor("word", "word", t -> t.vocabulary("words.txt").dtype(DType.INT32))
        .batch(512)
        .shuffle(Shuffle.within("dt").rowGroups(3))
        .keys("user_id", "item_id")
        .prefetch(2)
        .onEmpty(Dataset.OnEmpty.ERROR)
        .lastStep(Dataset.LastStep.PAD)
        .certificate(Dataset.Certificate.FULL)
        .order(Dataset.Order.ARRIVAL)
        .slots(9);
  }

  private static DatasetDraft steps(DatasetDraft dataset) {
    return dataset
        .antiJoin("data/spam.parquet", "user_id")
        .step(
            new Step.AntiJoin(
                SmallTable.parquet("x.parquet", "y.parquet"),
                List.of(new JoinKey("user_id", "user_id"), new JoinKey("item_id", "item_id"))))
        .step(
            new Step.AntiJoin(
                SmallTable.parquet("blocked"),
                List.of(new JoinKey("item_id", "id"), new JoinKey("weird column", "w"))))
        .filter("surface <> 'board'")
        .downsample(
            0.1,
            d ->
                d.where("label = 0")
                    .by("user_id", "item_id")
                    .weight("weight")
                    .salt("negatives")
                    .resample(Step.Resample.EACH_EPOCH))
        .downsample(1)
        .step(
            new Step.Derive(
                List.of(
                    new Step.Derive.Column("engaged", "label = 1 AND dwell_s > 10"),
                    new Step.Derive.Column("again", "engaged AND \"größe\" > 3"))))
        .select("dense_*", "cat_?", "user_id")
        .drop("dense_9");
  }

  private static DatasetDraft everyStep() {
    return label(
        everySampling(everyJoin(Dataset.parquet("data/d.parquet").step(renames()).step(casts())))
            .step(
                new Step.Weight(
                    List.of(
                        column("w", "1 / (1 + position)"), column("v", "0.5"), column("u", "2"))))
            .step(labels())
            .explode("items")
            .step(new Step.Explode(List.of("items", "prices"), null).position("place"))
            .truncateToLast(50, "history")
            .truncateToFirst(3, "tags", "seq_*")
            .split(Step.Split.into(part("train", 0.9), part("every_step", 0.1)))
            .split(
                Step.Split.into(part("a", 0.7), part("b", 0.2))
                    .by("user_id")
                    .part("b")
                    .salt("days"))
            .limit(5_000_000_000L)
            .batch(7));
  }

  private static DatasetDraft everyJoin(DatasetDraft dataset) {
    SmallTable users =
        SmallTable.of(Source.Parquet.of("data/users").schema(Source.Schema.UNION)).filter("active");
    return dataset
        .step(
            Join.of(users, "-")
                .on(List.of(new JoinKey("user_id", "id"), new JoinKey("market", "market")))
                .select("country", "age_*")
                .prefix("user_")
                .how(Join.How.INNER)
                .match(Join.Match.FIRST))
        .join(SmallTable.of(Source.Csv.of("items.csv")), "item_id")
        .semiJoin(
            SmallTable.of(Source.JsonLines.of("a.jsonl", "b.jsonl")).filter("score > 0.5"),
            "user_id")
        .antiJoin(SmallTable.of(Source.Arrow.of("seen.arrow")), "user_id", "item_id")
        .antiJoin(
            SmallTable.values("surface", "board", null, "\u0001\"größe\" 🎈\n")
                .and("code", 1L, -2L, Long.MAX_VALUE),
            "surface",
            "code")
        .join(
            SmallTable.values("user_id", 1L, 2L)
                .and("boost", 0.5, 1e-5)
                .and("extra", 12_345_678.9, -3.0)
                .and("good", true, null),
            "user_id");
  }

  private static DatasetDraft everySampling(DatasetDraft dataset) {
    return dataset
        .downsample(1, d -> d.keep("CASE surface WHEN 'a' THEN 0.5 ELSE 1 END").weight("w"))
        .sample(0.25, s -> s)
        .sample(1e-4, s -> s.by("user_id").salt("half").resample(Step.Resample.EACH_EPOCH))
        .upsample("surface = 'rare'", 3)
        .step(new Step.Upsample(null, 2, "time"));
  }

  private static Step renames() {
    return new Step.Rename(
        List.of(new Step.Rename.Name("item", "item_id"), new Step.Rename.Name("raw_*", "*")));
  }

  private static Step casts() {
    return new Step.Cast(
        List.of(
            new Step.Cast.Type("price_*", "FLOAT"),
            new Step.Cast.Type("tags", "BIGINT[]"),
            new Step.Cast.Type("amount", "DECIMAL(18, 2)")));
  }

  private static Step labels() {
    return new Step.Label(
        List.of(
            Step.Label.Rule.of("clicked", "clicks > 0"),
            new Step.Label.Rule(
                "engagement",
                List.of(new Step.Label.Case("likes > 0", 2), new Step.Label.Case("clicks > 0", 1)),
                -1),
            new Step.Label.Rule("bought", List.of(new Step.Label.Case("orders > 0", 1)), 0)));
  }

  private static Step.Derive.Column column(String name, String expression) {
    return new Step.Derive.Column(name, expression);
  }

  private static Step.Split.Part part(String name, double share) {
    return new Step.Split.Part(name, share);
  }
}
