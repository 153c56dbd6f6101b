package io.lastmile.sequence;

import io.lastmile.plan.Tally;

/**
 * A split that was run and waits until its rows are taken.
 *
 * @param rows in their order
 * @param tally what became of the rows it read
 * @param release gives its memory back
 */
public record FinishedSplit(StagedRows rows, Tally tally, Runnable release) {}
