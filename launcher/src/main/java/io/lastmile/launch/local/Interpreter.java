package io.lastmile.launch.local;

import io.lastmile.error.LastmileException;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The Python that runs the ranks.
 *
 * @param program a path, or a name that is looked up in {@code PATH}
 */
public record Interpreter(String program) {
  private static final String ELEMENT = "train.script";
  private static final String REMEDY = "another Python: --python PATH or LASTMILE_PYTHON";
  private static final long PROBE_SECONDS = 30;

  /**
   * Prints version, path and the modules of its arguments that cannot be found. Ctrl-C is for the
   * driver alone.
   */
  private static final String PROBE =
      """
      import signal
      signal.signal(signal.SIGINT, signal.SIG_IGN)
      import importlib.util, sys
      print("%d.%d.%d" % sys.version_info[:3])
      print(sys.executable)
      print(int(sys.version_info >= (3, 11)))
      print(" ".join(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None))
      """;

  /**
   * The Python somebody named, else that of the environment variable LASTMILE_PYTHON, else {@code
   * python3}. A path is taken from the folder of this process, whatever folder the ranks run in.
   */
  public static Interpreter choose(@Nullable String named, Map<String, String> environment) {
    String variable = environment.getOrDefault("LASTMILE_PYTHON", "");
    String program = named != null ? named : variable.isEmpty() ? "python3" : variable;
    boolean isPath = program.contains(File.separator);
    return new Interpreter(isPath ? Path.of(program).toAbsolutePath().toString() : program);
  }

  /** The command that runs a script under the supervisor of its rank. */
  public List<String> command(Path script, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(program, "-m", "lastmile.rank"));
    command.add(script.toString());
    command.addAll(arguments);
    return command;
  }

  /**
   * Checks that this Python can run a script: it starts, is new enough, and has what the script and
   * the client need. Runs it once, without importing any of it.
   *
   * @param script the training script, absolute
   * @param environment variables the ranks will get, such as PYTHONPATH
   * @throws LastmileException USER, saying what is missing and what to do
   */
  public void check(Path script, Map<String, String> environment) {
    TrainingScript text = TrainingScript.read(script);
    List<String> modules = new ArrayList<>(List.of("numpy", "lastmile"));
    if (text.importsTorch()) {
      modules.add("torch");
    }
    List<String> found = probe(modules, environment);
    String version = found.get(0);
    String path = found.get(1);
    if (!found.get(2).equals("1")) {
      throw LastmileException.user(
          ELEMENT,
          "Python at %s is %s (must be 3.11 or newer; %s)".formatted(path, version, REMEDY));
    }
    List<String> missing = List.of(found.get(3).split(" "));
    if (missing.contains("torch")) {
      throw missing(path, "torch", "which " + text.name() + " imports", "pip install torch");
    }
    if (missing.contains("numpy")) {
      throw missing(path, "numpy", "which the batches need", "pip install numpy");
    }
    if (missing.contains("lastmile")) {
      throw missing(path, "lastmile", "which the script reads from", "set LASTMILE_HOME");
    }
  }

  private static LastmileException missing(String path, String module, String why, String install) {
    return LastmileException.user(
        ELEMENT,
        "Python at %s has no %s, %s (%s, or %s)".formatted(path, module, why, install, REMEDY));
  }

  private List<String> probe(List<String> modules, Map<String, String> environment) {
    List<String> command = new ArrayList<>(List.of(program, "-c", PROBE));
    command.addAll(modules);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      List<String> lines = lines(process.getInputStream());
      List<String> complaints = lines(process.getErrorStream());
      boolean ended = process.waitFor(PROBE_SECONDS, TimeUnit.SECONDS);
      if (!ended || process.exitValue() != 0 || lines.size() != 4) {
        throw cannotRun(complaints.isEmpty() ? "it is no Python" : complaints.getLast());
      }
      return lines;
    } catch (IOException e) {
      throw cannotRun(reason());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw cannotRun("interrupted");
    }
  }

  private static List<String> lines(InputStream from) throws IOException {
    return new String(from.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
  }

  private String reason() {
    if (!program.contains(File.separator)) {
      return "no such program in PATH";
    }
    return Files.exists(Path.of(program)) ? "it is not executable" : "no such file";
  }

  private LastmileException cannotRun(String reason) {
    return LastmileException.user(
        ELEMENT, "Cannot run Python \"%s\": %s (%s)".formatted(program, reason, REMEDY));
  }

  /** What can be told of a script without running it. */
  private record TrainingScript(String name, boolean importsTorch) {
    private static final Pattern TORCH =
        Pattern.compile("^\\s*(import|from) torch\\b", Pattern.MULTILINE);

    static TrainingScript read(Path script) {
      try {
        String text = Files.readString(script, StandardCharsets.ISO_8859_1);
        return new TrainingScript(script.getFileName().toString(), TORCH.matcher(text).find());
      } catch (IOException e) {
        throw LastmileException.user(
            ELEMENT, "Cannot read the script %s: %s".formatted(script, e.getMessage()));
      }
    }
  }
}
