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
        Experiment.named("e").in(folder).dataset("train", dataset).workers(1).build());
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
        "text|Invalid column: \"text\" is VARCHAR (give the tensor a hash)",
        "words|Invalid column: \"words\" is VARCHAR[] (give the tensor a hash)",
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

  private void refused(String columns, UnaryOperator<Tensor> refinement, String line) {
    LastmileException mistake =
        catchThrowableOfType(
            LastmileException.class, () -> plan(TABLE.tensor("x", columns, refinement)).close());
    assertThat(mistake.line()).isEqualTo("error: " + line);
  }
}
