package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The engineer's own script.
 *
 * @param script path, relative to the experiment's folder or absolute
 * @param args given to it
 * @param ranks processes that train together, &gt; 0
 * @param restarts how often all ranks are started again when one of them has failed, &gt;= 0
 * @param stallTimeout a rank that makes no step for so long, though it could, has failed; in whole
 *     milliseconds, &gt; 0; null: it may take any time
 */
public record Training(
    String script, List<String> args, int ranks, int restarts, @Nullable Duration stallTimeout) {
  private static final String STALL_TIMEOUT = "stall_timeout";

  public Training {
    Checks.filled("script", script);
    Checks.positive("ranks", ranks);
    if (restarts < 0) {
      throw LastmileException.user("restarts", "Invalid restarts: " + restarts + " (must be >= 0)");
    }
    if (stallTimeout != null) {
      TimeSpan.checkPositive(STALL_TIMEOUT, stallTimeout);
    }
    args = List.copyOf(args);
  }

  /** A script without arguments, in one rank, that is not started again. */
  public static Training of(String script) {
    return new Training(script, List.of(), 1, 0, null);
  }

  /** This training with another script. */
  public Training script(String path) {
    return new Training(path, args, ranks, restarts, stallTimeout);
  }

  /** This training with these arguments and no others. */
  public Training args(String... values) {
    return new Training(script, List.of(values), ranks, restarts, stallTimeout);
  }

  /** This training in so many ranks. */
  public Training ranks(int count) {
    return new Training(script, args, count, restarts, stallTimeout);
  }

  /** This training whose ranks are started again so often when one of them has failed. */
  public Training restarts(int count) {
    return new Training(script, args, ranks, count, stallTimeout);
  }

  /** This training whose ranks may not stand still for so long. */
  public Training stallTimeout(@Nullable Duration span) {
    return new Training(script, args, ranks, restarts, span);
  }

  /** This training whose ranks may not stand still for so long, such as {@code 30s}. */
  public Training stallTimeout(String span) {
    return stallTimeout(TimeSpan.parse(STALL_TIMEOUT, span));
  }
}
