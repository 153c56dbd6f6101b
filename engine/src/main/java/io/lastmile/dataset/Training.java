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
    args = List.copyOf(args);
  }
}
