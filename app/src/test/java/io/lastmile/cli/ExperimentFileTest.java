package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Json;
import io.lastmile.error.LastmileException;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExperimentFileTest {
  @TempDir Path folder = Path.of("");

  private Experiment experiment() {
    return Experiment.named("small")
        .in(folder.resolve("ä b\n"))
        .dataset("train", Dataset.parquet("größe").tensor("x", "x"))
        .build();
  }

  private static InputStream input(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void readsWhatItIsToldAndNoByteMore() throws Exception {
    String place = Json.write(experiment().origin().folder().toString());
    InputStream in = input(place + "\n" + CanonicalJson.write(experiment()) + "\nrest");
    assertThat(ExperimentFile.told(in)).isEqualTo(experiment());
    assertThat(in.readAllBytes()).asString().isEqualTo("rest");
  }

  @Test
  void saysWhatItCannotRead() {
    assertThatThrownBy(() -> ExperimentFile.told(input("\"a\"\n{")))
        .isInstanceOf(LastmileException.class)
        .hasMessage("Cannot read the experiment from standard input (standard input has ended)");
    assertThatThrownBy(() -> ExperimentFile.told(input("a\n{}\n")))
        .isInstanceOf(LastmileException.class)
        .hasMessageStartingWith("Cannot read the experiment from standard input (Invalid JSON: ");
  }
}
