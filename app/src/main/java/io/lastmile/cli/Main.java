package io.lastmile.cli;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;

/** {@code lastmile}, the program. */
public final class Main {
  private static final Map<String, Function<Console, Object>> COMMANDS = commands();

  private Main() {}

  private static Map<String, Function<Console, Object>> commands() {
    Map<String, Function<Console, Object>> commands = new LinkedHashMap<>();
    commands.put("run", RunCommand::new);
    commands.put("resume", ResumeCommand::new);
    commands.put("serve", ServeCommand::new);
    commands.put("explain", ExplainCommand::new);
    commands.put("validate", ValidateCommand::new);
    commands.put("preview", PreviewCommand::new);
    commands.put("estimate", EstimateCommand::new);
    commands.put("diff", DiffCommand::new);
    commands.put("write", WriteCommand::new);
    commands.put("runs", RunsCommand::new);
    commands.put("verify", VerifyCommand::new);
    commands.put("trace", TraceCommand::new);
    commands.put("generate", console -> new Generate());
    commands.put("demo", console -> new DemoCommand());
    commands.put("python", console -> new PythonCommand());
    commands.put("soak", console -> new SoakCommand());
    commands.put("help", HelpCommand::new);
    commands.put("open-bandit", console -> new OpenBandit());
    commands.put("version", VersionCommand::new);
    return commands;
  }

  /** Runs a command and ends the process with its exit code. */
  public static void main(String[] args) {
    System.exit(execute(Console.ofProcess(), args));
  }

  /** Runs a command and returns its exit code. */
  static int execute(Console console, String... args) {
    RootCommand root = new RootCommand();
    CommandLine line = new CommandLine(root);
    String named = Arrays.stream(args).filter(arg -> !arg.startsWith("-")).findFirst().orElse("");
    Function<Console, Object> command = COMMANDS.get(named);
    // Reflection over one command, not over all: a start counts every millisecond.
    if (command != null && !named.equals("help")) {
      line.addSubcommand(named, command.apply(console));
    } else {
      COMMANDS.forEach((name, each) -> line.addSubcommand(name, each.apply(console)));
    }
    line.setOut(console.outWriter());
    line.setErr(console.errWriter());
    line.setParameterExceptionHandler((e, given) -> refuse(console, e));
    line.setExecutionExceptionHandler((e, at, given) -> report(console, e, root.verbose()));
    return line.execute(args);
  }

  private static int refuse(Console console, CommandLine.ParameterException e) {
    if (e instanceof CommandLine.UnmatchedArgumentException unmatched
        && e.getCommandLine().getParent() == null
        && !unmatched.getUnmatched().getFirst().startsWith("-")) {
      return unknown(console, unmatched.getUnmatched().getFirst(), e.getCommandLine());
    }
    String help = e.getCommandLine().getCommandSpec().qualifiedName() + " --help";
    String message =
        String.valueOf(e.getMessage())
            .strip()
            .replaceAll("\\s*\\R\\s*", " ")
            .replaceFirst("^Error: ", "");
    console.error("error: %s (see: %s)".formatted(message, help));
    return FailureKind.USER.exitCode();
  }

  private static int unknown(Console console, String command, CommandLine all) {
    List<String> known =
        all.getSubcommands().entrySet().stream()
            .filter(each -> !each.getValue().getCommandSpec().usageMessage().hidden())
            .map(Map.Entry::getKey)
            .toList();
    String hint = Nearest.hint(command, known);
    console.error(
        "error: Unknown command \"%s\"%s"
            .formatted(command, hint.isEmpty() ? " (see: lastmile --help)" : hint));
    return FailureKind.USER.exitCode();
  }

  private static int report(Console console, Exception e, boolean verbose) {
    LastmileException failure =
        e instanceof LastmileException known
            ? known
            : LastmileException.of(
                FailureKind.INTERNAL,
                "Internal error: %s%s".formatted(e, verbose ? "" : " (--verbose shows where)"),
                e);
    console.error(failure.line());
    if (verbose) {
      console.trace(e);
    }
    return failure.kind().exitCode();
  }
}
