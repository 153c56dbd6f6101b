package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OriginTest {
  private static final Origin WRITTEN =
      new Origin(
          Path.of("/here"),
          "experiment.yaml",
          Map.of(
              "datasets",
              2,
              "datasets.train.steps",
              5,
              "datasets.train.steps[1]",
              7,
              "datasets.valid.keys",
              8),
          Map.of("valid", "train"));

  @Test
  void placeIsTheLineOfTheNearestElementThatWasWritten() {
    assertThat(WRITTEN.place("datasets.train.steps[1]")).isEqualTo("experiment.yaml:7");
    assertThat(WRITTEN.place("datasets.train.steps[1].filter")).isEqualTo("experiment.yaml:7");
    assertThat(WRITTEN.place("datasets.train.steps[2].filter")).isEqualTo("experiment.yaml:5");
    assertThat(WRITTEN.place("datasets.train.slots")).isEqualTo("experiment.yaml:2");
    assertThat(WRITTEN.place("train.script")).isEqualTo("experiment.yaml");
    assertThat(WRITTEN.place("")).isEqualTo("experiment.yaml");
  }

  @Test
  void aPartHasFromTheOtherWhatItDoesNotSayItself() {
    assertThat(WRITTEN.takenFrom("valid", "tensors")).isEqualTo("train");
    assertThat(WRITTEN.takenFrom("valid", "keys")).isNull();
    assertThat(WRITTEN.takenFrom("train", "tensors")).isNull();
  }

  @Test
  void placeInCodeIsTheElement() {
    Origin code = Origin.code(Path.of("a/../b"));
    assertThat(code.place("train.ranks")).isEqualTo("train.ranks");
    assertThat(code.folder()).isEqualTo(Path.of("b").toAbsolutePath());
  }
}
