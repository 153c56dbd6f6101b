package io.lastmile.launch;

import io.lastmile.error.LastmileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the ranks of a job ended.
 *
 * @param exitCodes of each rank, by rank; 128 + n when signal n ended it
 * @param failed those that failed: the first that ended badly by itself, or all that had stalled
 * @param failure TRAINER, about them; null: none did
 */
public record RanksEnd(
    List<Integer> exitCodes, List<Integer> failed, @Nullable LastmileException failure) {
  public RanksEnd {
    exitCodes = List.copyOf(exitCodes);
    failed = List.copyOf(failed);
  }
}
