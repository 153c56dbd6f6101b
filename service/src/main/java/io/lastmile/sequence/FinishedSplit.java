package io.lastmile.sequence;

import io.lastmile.plan.Tally;
import io.lastmile.split.Split;
import java.util.List;

/**
 * A split that was run and waits until its rows are taken.
 *
 * @param split that it is
 * @param skipped indexes of its row groups that were left out, as they could not be read
 * @param rows in their order
 * @param tally what became of the rows it read
 * @param release gives its memory back
 */
public record FinishedSplit(
    Split split, List<Integer> skipped, StagedRows rows, Tally tally, Runnable release) {
  public FinishedSplit {
    skipped = List.copyOf(skipped);
  }
}
