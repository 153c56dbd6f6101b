package io.lastmile.cli;

import io.lastmile.LaunchOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which Python runs the script. */
final class PythonOption {
  @Option(
      names = "--python",
      paramLabel = "PATH",
      description =
          "Python of the script (default: $LASTMILE_PYTHON, else that of the environment which ./lastmile prepares).")
  private @Nullable String python;

  /** These options with that Python, if one was named, and what ranks print shown. */
  LaunchOptions in(LaunchOptions options, Console console) {
    LaunchOptions shown = options.output(console::rankLine);
    return python == null ? shown : shown.python(python);
  }
}
