package io.lastmile.dataset;

import java.util.List;

/**
 * The engineer's own script.
 *
 * @param script path, relative to the experiment's folder or absolute
 * @param args given to it
 * @param ranks processes that train together, &gt; 0
 */
public record Training(String script, List<String> args, int ranks) {
  public Training {
    Checks.filled("script", script);
    Checks.positive("ranks", ranks);
    args = List.copyOf(args);
  }

  /** A script without arguments, in one rank. */
  public static Training of(String script) {
    return new Training(script, List.of(), 1);
  }

  /** This training with another script. */
  public Training script(String path) {
    return new Training(path, args, ranks);
  }

  /** This training with these arguments and no others. */
  public Training args(String... values) {
    return new Training(script, List.of(values), ranks);
  }

  /** This training in so many ranks. */
  public Training ranks(int count) {
    return new Training(script, args, count);
  }
}
