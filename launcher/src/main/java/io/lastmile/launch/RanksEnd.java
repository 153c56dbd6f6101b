package io.lastmile.launch;

import io.lastmile.error.LastmileException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the ranks of a job ended.
 *
 * @param exitCodes of each rank, by rank; 128 + n when signal n ended it
 * @param failure TRAINER, about the first rank that ended badly by itself; null: none did
 */
public record RanksEnd(List<Integer> exitCodes, @Nullable LastmileException failure) {
  public RanksEnd {
    exitCodes = List.copyOf(exitCodes);
  }
}
