package io.lastmile.worker;

import io.lastmile.plan.Tally;
import io.lastmile.sequence.RowSource;
import io.lastmile.sequence.StagedRows;
import java.util.List;

/** Where the rows of one split go. Used by the worker that runs it. */
interface Outlet {
  /** Whether rows may go on before the split is complete. */
  boolean streams();

  /** Whether it is the split's turn to append; only where it streams. */
  boolean hasTurn();

  /**
   * Waits for the turn of the split. Only where it streams.
   *
   * @throws InterruptedException also when it does not come, or nobody needs this run any more
   */
  void awaitTurn() throws InterruptedException;

  /**
   * Appends the next rows of the split, whose turn it is.
   *
   * @throws InterruptedException also when nobody needs this run any more
   */
  void append(RowSource rows) throws InterruptedException;

  /** Reserves more staging; false when there is none. */
  boolean extend(long bytes);

  /**
   * All rows of the split have been read.
   *
   * @param skipped indexes of its row groups that were left out
   * @param rest rows that have not been appended, in their order
   * @param tally what became of the rows it read
   * @param release gives the memory of the rest back: to be run once, whatever happens
   */
  void complete(List<Integer> skipped, StagedRows rest, Tally tally, Runnable release);
}
