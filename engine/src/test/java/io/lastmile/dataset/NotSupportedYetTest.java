package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an experiment will be able to say one day is refused, never read and ignored. */
class NotSupportedYetTest {
  @TempDir Path folder = Path.of("");

  private void refused(String yaml, String what, int line) {
    assertThat(new ExperimentFiles(folder).mistake(yaml))
        .isEqualTo("error: " + what + " is not supported yet [experiment.yaml:" + line + "]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cluster: { kind: kubernetes }|kind: kubernetes",
        "cluster: { kind: processes }|kind: processes",
        "cluster: { workers: { cpu: 2 } }|cpu: 2",
        "cluster: { workers: { gpu: 1 } }|gpu",
        "cluster: { trainers: { gpu: 1 } }|gpu: 1",
        "cluster: { trainers: { cpu: 2 } }|cpu: 2",
        "cluster: { trainers: { memory: 4GiB } }|memory",
      })
  void jobs(String yaml, String what) {
    refused(ExperimentFiles.more(yaml), what, 6);
  }

  @ParameterizedTest
  @CsvSource({"2, 4", "5, 4"})
  void growingWorkers(int min, int max) {
    String yaml = "cluster:\n  workers:\n    max: " + max + "\n    min: " + min + "\n";
    assertThat(new ExperimentFiles(folder).mistake(ExperimentFiles.more(yaml)))
        .isEqualTo(
            "error: min: "
                + min
                + " is not supported yet (must be 1 or max: "
                + max
                + ") [experiment.yaml:9]");
  }
}
