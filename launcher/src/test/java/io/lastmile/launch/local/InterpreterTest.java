package io.lastmile.launch.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InterpreterTest {
  private static final String REMEDY = "another Python: --python PATH or LASTMILE_PYTHON";

  @TempDir Path folder;
  private Path script;

  @BeforeEach
  void writeScript() throws IOException {
    script = Files.writeString(folder.resolve("train.py"), "import lastmile\nimport torchrec\n");
  }

  /** A program that answers the check as a Python would. */
  private Interpreter answering(String... lines) throws IOException {
    Path program =
        Files.writeString(
            folder.resolve("python"),
            "#!/bin/sh\nshift 2\necho \"$@\" > asked\ncat <<'X'\n%s\nX\n"
                .formatted(String.join("\n", lines))
                .replace("asked", folder.resolve("asked").toString()));
    assertThat(program.toFile().setExecutable(true)).isTrue();
    return Interpreter.choose(program.toString(), Map.of());
  }

  private void assertRefused(Interpreter interpreter, String message) {
    assertThatThrownBy(() -> interpreter.check(script, Map.of()))
        .isInstanceOfSatisfying(
            LastmileException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(FailureKind.USER);
              assertThat(e.element()).isEqualTo("train.script");
            })
        .hasMessage(message);
  }

  @Test
  void theNamedOneGoesFirstThenTheVariableThenPython3() {
    Map<String, String> environment = Map.of("LASTMILE_PYTHON", "/opt/python");
    assertThat(Interpreter.choose("python3.12", environment).program()).isEqualTo("python3.12");
    assertThat(Interpreter.choose(null, environment).program()).isEqualTo("/opt/python");
    assertThat(Interpreter.choose(null, Map.of()).program()).isEqualTo("python3");
    assertThat(Interpreter.choose("venv/bin/python", Map.of()).program())
        .isEqualTo(Path.of("venv/bin/python").toAbsolutePath().toString());
  }

  @Test
  void runsTheScriptUnderTheSupervisor() {
    assertThat(new Interpreter("python3").command(script, List.of("--epochs", "2")))
        .containsExactly("python3", "-m", "lastmile.rank", script.toString(), "--epochs", "2");
  }

  @Test
  void oneThatHasAllIsTaken() throws IOException {
    answering("3.11.2", "/usr/bin/python3", "1", "").check(script, Map.of());
    assertThat(folder.resolve("asked")).hasContent("numpy lastmile");
  }

  @Test
  void torchIsAskedForOnlyWhenTheScriptImportsIt() throws IOException {
    Files.writeString(script, "x = 1\n  from torch.nn import Linear\n");
    answering("3.11.2", "/usr/bin/python3", "1", "").check(script, Map.of());
    assertThat(folder.resolve("asked")).hasContent("numpy lastmile torch");
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    assertRefused(
        answering("3.12.1", "/opt/p", "1", "numpy torch"),
        "Python at /opt/p has no torch, which train.py imports (pip install torch, or %s)"
            .formatted(REMEDY));
    assertRefused(
        answering("3.12.1", "/opt/p", "1", "numpy lastmile"),
        "Python at /opt/p has no numpy, which the batches need (pip install numpy, or %s)"
            .formatted(REMEDY));
    assertRefused(
        answering("3.12.1", "/opt/p", "1", "lastmile"),
        "Python at /opt/p has no lastmile, which the script reads from"
            + " (set LASTMILE_HOME, or %s)".formatted(REMEDY));
  }

  @Test
  void anOldOneIsRefused() throws IOException {
    assertRefused(
        answering("3.9.18", "/opt/p", "0", ""),
        "Python at /opt/p is 3.9.18 (must be 3.11 or newer; %s)".formatted(REMEDY));
  }

  @Test
  void oneThatDoesNotRunIsRefused() throws IOException {
    assertRefused(
        new Interpreter("no-such-python"),
        "Cannot run Python \"no-such-python\": no such program in PATH (%s)".formatted(REMEDY));
    assertRefused(
        new Interpreter("/no/python"),
        "Cannot run Python \"/no/python\": no such file (%s)".formatted(REMEDY));
    Path plain = Files.writeString(folder.resolve("plain"), "");
    assertRefused(
        new Interpreter(plain.toString()),
        "Cannot run Python \"%s\": it is not executable (%s)".formatted(plain, REMEDY));
    assertRefused(
        new Interpreter("true"),
        "Cannot run Python \"true\": it is no Python (%s)".formatted(REMEDY));
  }

  @Test
  void theRealOneAnswers() {
    Interpreter python = new Interpreter("python3");
    assertThatThrownBy(() -> python.check(script, Map.of("PYTHONPATH", "")))
        .isInstanceOf(LastmileException.class)
        .hasMessageStartingWith("Python at /")
        .hasMessageContaining(" has no ");
  }
}
