package io.lastmile.sequence;

import io.lastmile.plan.Tally;
import io.lastmile.split.Split;

/**
 * A split that was run and waits until its rows are taken.
 *
 * @param split that it is
 * @param rows in their order
 * @param tally what became of the rows it read
 * @param release gives its memory back
 */
public record FinishedSplit(Split split, StagedRows rows, Tally tally, Runnable release) {}
