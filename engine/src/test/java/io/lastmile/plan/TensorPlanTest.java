package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lastmile.dataset.DType;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.LastmileException;
import io.lastmile.query.EngineResource;
import io.lastmile.source.TestScratch;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** From the tensors that the user said to their forms. */
class TensorPlanTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  private static final DatasetDraft TABLE = Dataset.parquet("a.parquet").batch(8);

  @TempDir private Path folder = Path.of("");

  @BeforeEach
  void write() {
    ENGINE
        .session()
        .execute(
            """
            COPY (SELECT 1 AS i, 2::BIGINT AS l, 0.5::FLOAT AS f, 'a' AS text, [1, 2] AS seq,
               [3::BIGINT] AS long_seq, ['b'] AS words, [[1], [2]] AS nested, {'a': 1} AS struct,
               1.5::DECIMAL(9, 2) AS price, TIME '10:00:00' AS clock, DATE '2024-03-01' AS day,
               TIMESTAMP '2024-03-01 10:00:00' AS at)
            TO '%s' (FORMAT parquet)
            """
                .formatted(folder.resolve("a.parquet")));
  }

  private JobPlan plan(DatasetDraft dataset) {
    return JobPlan.of(
        Experiment.named("e").in(folder).dataset("train", dataset).workers(1).build(),
        new TestScratch(folder));
  }

  @Test
  void explainSaysShapeTypeUnitAndColumns() {
    DatasetDraft dataset =
        TABLE
            .tensor(
                "masked", List.of("i", "f"), t -> t.dtype(DType.FLOAT16).nulls(Tensor.Nulls.MASK))
            .tensor("padded", "seq", t -> t.padded().maxLength(5))
            .tensor(
                "keyed",
                List.of("long_seq", "l"),
                t -> t.layout(Tensor.Layout.KEYED).truncate(Tensor.Truncate.LAST).maxLength(3))
            .tensor("day", "day")
            .tensor("at", "at", t -> t.dtype(DType.FLOAT64))
            .tensor("seq", "seq");
    try (JobPlan plan = plan(dataset)) {
      assertThat(plan.dataset("train").explain().lines())
          .contains(
              "  tensors  masked [batch, 2] and mask float16 from i, f",
              "           padded [batch, 5] padded and mask int32 from seq",
              "           keyed 2 keys of ragged int64 from long_seq, l",
              "           day [batch] int32 (days since 1970-01-01) from day",
              "           at [batch] float64 (microseconds since 1970-01-01 UTC) from at",
              "           seq ragged int32 from seq");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "nested|Invalid column: \"nested\" is INTEGER[][] (no tensor can hold it; derive a list of plain values, for lists of lists with flatten)",
        "struct|Invalid column: \"struct\" is STRUCT (no tensor can hold it; derive one that can)",
        "clock|Invalid column: \"clock\" is TIME (no tensor can hold it; derive one that can)",
        "price|Invalid column: \"price\" is DECIMAL (give the tensor a dtype)",
        "text|Invalid column: \"text\" is VARCHAR (give the tensor a hash or a vocabulary)",
        "words|Invalid column: \"words\" is VARCHAR[] (give the tensor a hash or a vocabulary)",
      })
  void whatNoTensorHoldsIsNamed(String column, String message) {
    refused(column, t -> t, message + " [datasets.train.tensors.x.columns]");
  }

  @Test
  void whatDoesNotFitTheColumnsIsNamed() {
    refused(
        "i",
        t -> t.maxLength(3).padded(),
        "Invalid max_length: \"i\" is no list [datasets.train.tensors.x.max_length]");
    refused(
        "i",
        t -> t.maxLength(3).layout(Tensor.Layout.KEYED),
        "Invalid max_length: \"i\" is no list [datasets.train.tensors.x.max_length]");
    refused(
        "?eq",
        t -> t,
        "Invalid matrix: \"seq\" is INTEGER[] (a matrix takes scalar columns; give a list column a tensor of its own) [datasets.train.tensors.x.columns]");
    refused(
        "*seq",
        t -> t.layout(Tensor.Layout.KEYED),
        "Invalid keyed tensor: \"seq\" is int32, but \"long_seq\" is int64 (give the tensor a dtype) [datasets.train.tensors.x.columns]");
    refused(
        "nested",
        t -> t.layout(Tensor.Layout.KEYED),
        "Invalid column: \"nested\" is INTEGER[][] (no tensor can hold it; derive a list of plain values, for lists of lists with flatten) [datasets.train.tensors.x.columns]");
    refused(
        "i",
        t -> t.fill(0.5),
        "Invalid fill: 0.5 (the tensor is int32) [datasets.train.tensors.x.fill]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "a\\nb\\na\\n|line 3 has \"a\", which is on line 1 too",
        "a\\n\\nb|line 2 is empty (must be one word a line)",
        "a\\n\\n|line 2 is empty (must be one word a line)",
        "a\\r\\n\\r\\nb|line 2 is empty (must be one word a line)",
        "\uFEFFa\\nb|line 1 begins with a byte order mark (must be plain UTF-8)",
      })
  void aVocabularyHasOneWordALine(String text, String mistake) throws IOException {
    Path file = folder.resolve("words.txt");
    Files.writeString(file, text.replace("\\n", "\n").replace("\\r", "\r"));
    refused(
        "text",
        t -> t.vocabulary("words.txt"),
        "Invalid vocabulary: " + file + " (" + mistake + ") [datasets.train.tensors.x.vocabulary]");
  }

  @Test
  void aVocabularyThatIsNoneIsNamed() throws IOException {
    Path file = folder.resolve("words.txt");
    refused(
        "text",
        t -> t.vocabulary("words.txt"),
        "No such vocabulary file: " + file + " [datasets.train.tensors.x.vocabulary]");
    Files.write(file, new byte[] {'a', '\n', (byte) 0xE4});
    refused(
        "text",
        t -> t.vocabulary("words.txt"),
        "Invalid vocabulary: "
            + file
            + " (line 2 is not UTF-8) [datasets.train.tensors.x.vocabulary]");
    Files.write(file, new byte[0]);
    refused(
        "text",
        t -> t.vocabulary("words.txt"),
        "Invalid vocabulary: " + file + " (it has no word) [datasets.train.tensors.x.vocabulary]");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength((256L << 20) + (1 << 20));
    }
    refused(
        "text",
        t -> t.vocabulary("words.txt"),
        "Invalid vocabulary: "
            + file
            + " (it has 257 MiB, must be at most 256 MiB) [datasets.train.tensors.x.vocabulary]");
    Files.writeString(file, "a");
    refused(
        "i",
        t -> t.vocabulary("words.txt"),
        "Invalid vocabulary: \"i\" is INTEGER (must be a string) [datasets.train.tensors.x.vocabulary]");
    refused(
        "text",
        t -> t.vocabulary("words.txt").dtype(DType.INT8),
        "Invalid dtype: int8 (ids are int64 or int32) [datasets.train.tensors.x.dtype]");
    refused(
        "text",
        t -> t.vocabulary("words.txt").dtype(DType.INT32).fill(Integer.MIN_VALUE),
        "Invalid fill: -2.147483648E9 (must not be the lowest int32) [datasets.train.tensors.x.fill]");
  }

  private void refused(String columns, UnaryOperator<Tensor> refinement, String line) {
    LastmileException mistake =
        catchThrowableOfType(
            LastmileException.class, () -> plan(TABLE.tensor("x", columns, refinement)).close());
    assertThat(mistake.line()).isEqualTo("error: " + line);
  }
}
