package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  @TempDir Path folder;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int execute(String... args) {
    out.reset();
    err.reset();
    return Main.execute(Console.piped(stream(out), stream(err)), args);
  }

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void theVersionIsThatOfTheBuild() {
    assertThat(execute("version")).isZero();
    assertThat(out()).matches("lastmile \\d+\\.\\d+\\.\\d+\n");
    String version = out();
    assertThat(execute("--version")).isZero();
    assertThat(out()).isEqualTo(version);
  }

  @Test
  void helpNamesEveryCommand() {
    assertThat(execute("--help")).isZero();
    assertThat(out())
        .contains(
            "run ",
            "serve ",
            "explain ",
            "validate ",
            "preview ",
            "estimate ",
            "diff ",
            "write ",
            "runs ",
            "version ",
            "Examples:");
    assertThat(err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "serve",
        "explain",
        "validate",
        "preview",
        "estimate",
        "diff",
        "write",
        "runs"
      })
  void everyCommandHelpsWithExamples(String command) {
    assertThat(execute(command, "--help")).isZero();
    assertThat(out())
        .startsWith("Usage: lastmile " + command + " ")
        .contains("Examples:", "  lastmile " + command)
        .doesNotContain("--embedded");
  }

  @Test
  void wrongArgumentsAreOneLine() {
    assertThat(execute()).isEqualTo(2);
    assertThat(err()).isEqualTo("error: No command given (see: lastmile --help)\n");
    assertThat(execute("rum")).isEqualTo(2);
    assertThat(err())
        .isEqualTo("error: Unmatched argument at index 0: 'rum' (see: lastmile --help)\n");
    assertThat(execute("run")).isEqualTo(2);
    assertThat(err())
        .isEqualTo("error: Missing required parameter: 'EXPERIMENT' (see: lastmile run --help)\n");
    assertThat(execute("runs", "--rums", "x")).isEqualTo(2);
    assertThat(err())
        .isEqualTo("error: Unknown options: '--rums', 'x' (see: lastmile runs --help)\n");
    assertThat(out()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"run", "serve", "explain", "validate", "preview", "estimate"})
  void aFileThatIsNotThereIsOneLine(String command) {
    Path missing = folder.resolve("no.yaml");
    assertThat(execute(command, missing.toString())).isEqualTo(2);
    assertThat(err()).isEqualTo("error: No such experiment file: " + missing + "\n");
    assertThat(out()).isEmpty();
  }

  @Test
  void verboseShowsWhere() {
    assertThat(execute("--verbose", "explain", folder.resolve("no.yaml").toString())).isEqualTo(2);
    assertThat(err()).startsWith("error: No such").contains("\tat io.lastmile.");
    assertThat(execute("explain", "--verbose", folder.resolve("no.yaml").toString())).isEqualTo(2);
    assertThat(err()).contains("\tat io.lastmile.");
  }

  @Test
  void runsAreListed() throws IOException {
    assertThat(execute("runs", "--runs", folder.toString())).isZero();
    assertThat(out()).isEqualTo("No runs in " + folder + "\n");

    record("spam-filter-1");
    Files.writeString(
        record("ads-10").resolve("summary.json"),
        """
        {"datasets":{"train":{"epochs":[{"rows_delivered":1200},{"rows_delivered":34}]}},
         "exit":{"kind":"ok"},"seconds":12.34,"started":"2026-01-01T10:00:00Z"}
        """);
    assertThat(execute("runs", "--runs", folder.toString())).isZero();
    assertThat(out())
        .isEqualTo(
            """
            RUN            STARTED                  SECONDS  END          ROWS DELIVERED
            ads-10         2026-01-01T10:00:00Z        12.3  ok                    1,234
            spam-filter-1  2026-01-02T10:00:00Z           -  unfinished                -
            """);
  }

  private Path record(String id) throws IOException {
    Path run = Files.createDirectory(folder.resolve(id));
    Path experiment = Files.writeString(run.resolve("experiment.json"), "{}");
    Path _ =
        Files.setLastModifiedTime(experiment, FileTime.from(Instant.parse("2026-01-02T10:00:00Z")));
    return run;
  }
}
