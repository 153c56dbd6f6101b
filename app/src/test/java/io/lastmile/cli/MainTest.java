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
import java.util.List;
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
            "generate ",
            "demo ",
            "python ",
            "help ",
            "Examples:")
        .doesNotContain("open-bandit");
    assertThat(err()).isEmpty();
  }

  @Test
  void helpSaysOfEachCommandASentence() {
    assertThat(execute("--help")).isZero();
    String list = out().split("Commands:\n", 2)[1].split("\n\n", 2)[0];
    List<String> commands = List.of(list.replaceAll("\n {4,}", " ").split("\n", -1));
    assertThat(commands).hasSizeGreaterThan(10).allMatch(line -> line.endsWith("."));
  }

  @ParameterizedTest
  @ValueSource(strings = {"run", "generate", "demo", "help"})
  void helpIsACommandToo(String command) {
    assertThat(execute(command, "--help")).isZero();
    String help = out();
    assertThat(execute("help", command)).isZero();
    assertThat(out()).isEqualTo(help).startsWith("Usage: lastmile " + command + " ");
  }

  @Test
  void helpAloneListsTheCommands() {
    assertThat(execute("--help")).isZero();
    String help = out();
    assertThat(execute("help")).isZero();
    assertThat(out()).isEqualTo(help);
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo", "python", "soak"})
  void theScriptsCommandsAreNotJavas(String command) {
    assertThat(execute(command, "x")).isEqualTo(2);
    assertThat(err())
        .isEqualTo(
            "error: Invalid command: %1$s without the script that does it, ./lastmile %1$s (see: lastmile %1$s --help)\n"
                .formatted(command));
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
        "runs",
        "generate"
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
    assertThat(execute("runn", "x.yaml")).isEqualTo(2);
    assertThat(err()).isEqualTo("error: Unknown command \"runn\" (did you mean \"run\"?)\n");
    assertThat(execute("--verbose", "x.yaml")).isEqualTo(2);
    assertThat(err()).isEqualTo("error: Unknown command \"x.yaml\" (see: lastmile --help)\n");
    assertThat(execute("help", "runn")).isEqualTo(2);
    assertThat(err()).isEqualTo("error: Unknown command \"runn\" (did you mean \"run\"?)\n");
    assertThat(execute("--rums")).isEqualTo(2);
    assertThat(err()).isEqualTo("error: Unknown option: '--rums' (see: lastmile --help)\n");
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
