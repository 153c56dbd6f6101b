package io.lastmile;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How to launch.
 *
 * @param runs folder of the run records
 * @param python path or name of the Python of the ranks; null: environment variable
 *     LASTMILE_PYTHON, else python3
 * @param home installation folder of Lastmile, whose python folder holds the client; null:
 *     environment variable LASTMILE_HOME, else that of the running classes
 * @param output hears what the ranks print
 */
public record LaunchOptions(
    Path runs, @Nullable String python, @Nullable Path home, RankOutput output) {
  /** Records in {@code runs}; what the ranks print goes to their logs only. */
  public static LaunchOptions defaults() {
    return new LaunchOptions(Path.of("runs"), null, null, (rank, channel, line) -> {});
  }

  /** These options with another folder of run records. */
  public LaunchOptions runs(Path folder) {
    return new LaunchOptions(folder, python, home, output);
  }

  /** These options with another Python. */
  public LaunchOptions python(String pathOrName) {
    return new LaunchOptions(runs, pathOrName, home, output);
  }

  /** These options with another installation. */
  public LaunchOptions home(Path folder) {
    return new LaunchOptions(runs, python, folder, output);
  }

  /** These options with somebody who hears what the ranks print. */
  public LaunchOptions output(RankOutput listener) {
    return new LaunchOptions(runs, python, home, listener);
  }
}
