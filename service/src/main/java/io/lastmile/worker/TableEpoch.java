package io.lastmile.worker;

import io.lastmile.dataset.Shuffle;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.DispatcherState;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import io.lastmile.query.Session;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.RowSource;
import io.lastmile.sequence.StagedRows;
import io.lastmile.sequence.StepSink;
import io.lastmile.sequence.TableSequence;
import io.lastmile.split.Split;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One epoch of a table: its workers append their splits themselves, each in its turn. */
final class TableEpoch implements Epoch {
  private final DatasetPlan plan;
  private final int workers;
  private final EpochRun.Listener listener;
  private final TableSequence sequence;
  private final Dispatcher dispatcher;
  private final StagingPool pool;
  private final @Nullable RowKeeper keeper;

  TableEpoch(
      DatasetPlan plan,
      int workers,
      int worldSize,
      Position start,
      StepSink sink,
      EpochRun.Listener listener,
      @Nullable RowKeeper keeper) {
    this.keeper = keeper;
    this.plan = plan;
    this.workers = workers;
    this.listener = listener;
    this.sequence = new TableSequence(plan, worldSize, start, sink);
    this.dispatcher =
        new Dispatcher(
            plan.splits().of(start.epoch()),
            start.split(),
            plan.budget().staging(),
            plan::stagingBytes);
    this.pool = new StagingPool(plan.stagingLayout());
  }

  @Override
  public TableSequence sequence() {
    return sequence;
  }

  @Override
  public List<Work> work() {
    return Collections.nCopies(workers, this::runSplits);
  }

  @Override
  public void close() {
    pool.close();
  }

  /** Runs splits until there are none left. */
  private void runSplits(Session session) throws InterruptedException {
    SplitRunner runner = new SplitRunner(plan, session, pool, listener, keeper);
    Assignment assignment = dispatcher.next();
    while (assignment != null && !sequence.hasReachedLimit()) {
      int ordinal = assignment.split().ordinal();
      if (assignment.mode() != DispatcherState.Mode.STREAMED || sequence.awaitTurn(ordinal)) {
        runner.run(assignment.split(), assignment.bytes(), new Turn(assignment.split()));
        if (keeper != null) {
          keeper.release(assignment.split());
          keeper.settle(session);
        }
      }
      dispatcher.appended(ordinal);
      assignment = dispatcher.next();
    }
  }

  /** The turn of a split. */
  private final class Turn implements Outlet {
    private final Split split;
    private final int ordinal;

    Turn(Split split) {
      this.split = split;
      this.ordinal = split.ordinal();
    }

    @Override
    public boolean streams() {
      return plan.dataset().shuffle() instanceof Shuffle.None;
    }

    @Override
    public boolean hasTurn() {
      return sequence.hasTurn(ordinal);
    }

    @Override
    public boolean awaitTurn() throws InterruptedException {
      return sequence.awaitTurn(ordinal);
    }

    @Override
    public void append(RowSource rows) throws InterruptedException {
      sequence.append(rows);
    }

    @Override
    public boolean extend(long bytes) {
      return dispatcher.extend(ordinal, bytes);
    }

    @Override
    public void complete(StagedRows rest, Tally tally, Runnable release)
        throws InterruptedException {
      try {
        if (sequence.awaitTurn(ordinal)) {
          sequence.append(rest);
          if (keeper != null) {
            int rows = Math.toIntExact(tally.kept());
            keeper.complete(split, plan.splits().rowOrder(split, rows), rows);
            boolean _ = keeper.take(split, 0, sequence.rowsOfSplit());
          }
          sequence.passTurn(ordinal, tally);
        }
      } finally {
        release.run();
      }
    }
  }
}
