package io.lastmile.worker;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Shuffle;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.DispatcherState;
import io.lastmile.dispatch.Lease;
import io.lastmile.dispatch.Member;
import io.lastmile.dispatch.Turns;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import io.lastmile.query.Session;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.RowSource;
import io.lastmile.sequence.StagedRows;
import io.lastmile.sequence.StepSink;
import io.lastmile.sequence.TableSequence;
import io.lastmile.split.Split;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One epoch of a table: whoever finishes a split appends it, and those behind it that are finished
 * too, when it is their turn and nobody else appends.
 */
final class TableEpoch implements Epoch {
  /**
   * Splits for each worker that may be assigned and not be in the sequence: while one appends, or a
   * split takes long, the others have something to do.
   */
  private static final int AHEAD = 2;

  /**
   * In the order of arrival, of how many splits the first finished one is next. So many fit into a
   * position, and a split that takes a few times as long as the others holds nobody up.
   */
  private static final int WINDOW = 8;

  private final DatasetPlan plan;
  private final int workers;
  private final Position start;
  private final EpochRun.Listener listener;
  private final TableSequence sequence;
  private final Dispatcher dispatcher;
  private final LeasedRuns runs;
  private final StagingPool pool;
  private final SplitQueue finished;
  private final @Nullable RowKeeper keeper;

  TableEpoch(
      DatasetPlan plan,
      Workers workers,
      int worldSize,
      Position start,
      StepSink sink,
      EpochRun.Listener listener,
      @Nullable RowKeeper keeper,
      WarmSplits warm,
      Consumer<Assignment> unneeded) {
    this.keeper = keeper;
    this.plan = plan;
    this.workers = workers.count();
    this.start = start;
    this.listener = listener;
    this.sequence = new TableSequence(plan, worldSize, start, sink);
    List<Split> splits = plan.splits().of(start.epoch());
    List<Integer> rest = start.delivered().rest(start.split(), splits.size());
    Member member = member(start, rest, rest.stream().map(splits::get).toList());
    Map<Integer, FinishedSplit> taken = warm.take(start, 0, member, rest::indexOf);
    this.dispatcher =
        new Dispatcher(
            List.of(member),
            List.of(bytes(taken)),
            workers.rules(keeper == null),
            System::nanoTime,
            unneeded);
    this.runs = new LeasedRuns(dispatcher, workers);
    this.finished = new SplitQueue(dispatcher, 0, member.count(), taken);
    this.pool = new StagingPool(plan.stagingLayout());
    if (sequence.hasReachedLimit()) {
      dispatcher.end();
    }
  }

  /**
   * The splits whose rows are to come: the ordinals of the dispatcher are their places among them.
   *
   * @param rest their ordinals; one that is begun comes first
   */
  private Member member(Position start, List<Integer> rest, List<Split> splits) {
    boolean arrival = keeper == null && plan.dataset().order() == Dataset.Order.ARRIVAL;
    return new Member(
        _ -> splits,
        splits.size(),
        arrival ? new Turns(WINDOW, rest) : Turns.IN_ORDER,
        start.row() > 0 ? 0 : -1,
        0,
        splits.size(),
        workers * (keeper == null ? AHEAD : 1),
        1,
        plan.budget().staging(),
        plan::stagingBytes);
  }

  /** What splits take that are finished, by ordinal. */
  static Map<Integer, Long> bytes(Map<Integer, FinishedSplit> finished) {
    Map<Integer, Long> bytes = new HashMap<>();
    finished.forEach((ordinal, split) -> bytes.put(ordinal, split.rows().bytes()));
    return bytes;
  }

  @Override
  public TableSequence sequence() {
    return sequence;
  }

  @Override
  public Dispatcher dispatcher() {
    return dispatcher;
  }

  @Override
  public List<Work> work() {
    return Collections.nCopies(workers, this::runSplits);
  }

  @Override
  public String name(int member) {
    return plan.name();
  }

  @Override
  public WarmSplits leave() {
    Map<Integer, FinishedSplit> left = new HashMap<>();
    finished.leave().values().forEach(split -> left.put(split.split().ordinal(), split));
    return new WarmSplits(start.epoch(), List.of(left));
  }

  @Override
  public void close() {
    pool.close();
  }

  /** Runs splits until there are none left. */
  private boolean runSplits(Worker worker, Session session) throws InterruptedException {
    SplitRunner runner = new SplitRunner(plan, session, pool, listener, keeper);
    appendFinished(worker, session);
    for (Assignment split = dispatcher.next(worker.number());
        split != null;
        split = dispatcher.next(worker.number())) {
      Turn turn = new Turn(worker, split);
      boolean whole = runs.run(worker, split, plan.name(), () -> turn.run(runner));
      appendFinished(worker, session);
      if (!whole) {
        return true;
      }
      if (keeper != null) {
        keeper.settle(session);
      }
    }
    return false;
  }

  /** Appends the finished splits whose turn it is, unless somebody else does. */
  private void appendFinished(Worker worker, Session session) throws InterruptedException {
    boolean more = true;
    while (more && worker.append()) {
      Lease lease = dispatcher.enterFinished(0);
      boolean full = lease != null && append(lease);
      worker.appended();
      if (keeper != null && full) {
        keeper.settle(session);
      }
      more = lease != null;
    }
  }

  /** Appends a finished split; says whether so much is kept that some must be settled first. */
  private boolean append(Lease lease) throws InterruptedException {
    FinishedSplit split = finished.take(lease.ordinal());
    sequence.append(split.split().ordinal(), lease.run(), split.rows(), split.skipped());
    boolean full = keeper != null && keep(keeper, split);
    sequence.passTurn(split.tally());
    if (sequence.hasReachedLimit()) {
      dispatcher.end();
    }
    split.release().run();
    if (keeper != null) {
      keeper.release(split.split());
    }
    return full;
  }

  private boolean keep(RowKeeper with, FinishedSplit finishedSplit) {
    Split split = finishedSplit.split();
    int rows = Math.toIntExact(finishedSplit.tally().kept());
    with.complete(split, plan.splits().rowOrder(split, rows), rows);
    return with.take(split, 0, sequence.rowsOfSplit());
  }

  /** The turn of a split. */
  private final class Turn implements Outlet {
    private final Worker worker;
    private final Assignment split;

    Turn(Worker worker, Assignment split) {
      this.worker = worker;
      this.split = split;
    }

    void run(SplitRunner runner) throws InterruptedException {
      if (split.mode() == DispatcherState.Mode.STREAMED) {
        awaitTurn();
      }
      boolean begun = split.split().ordinal() == start.split();
      List<Integer> skipped = begun ? start.skipped(0) : List.of();
      runner.run(split.split(), skipped, split.bytes(), this);
    }

    @Override
    public boolean streams() {
      return plan.dataset().shuffle() instanceof Shuffle.None;
    }

    @Override
    public boolean hasTurn() {
      return dispatcher.hasTurn(split);
    }

    @Override
    public void awaitTurn() throws InterruptedException {
      if (!dispatcher.awaitTurn(split)) {
        throw new InterruptedException();
      }
    }

    @Override
    public void append(RowSource rows) throws InterruptedException {
      if (!worker.append()) {
        throw new InterruptedException();
      }
      boolean entered = dispatcher.enter(split);
      if (entered) {
        sequence.append(split.split().ordinal(), split.lease().run(), rows, List.of());
      }
      worker.appended();
      if (!entered || !dispatcher.leave(split)) {
        throw new InterruptedException();
      }
    }

    @Override
    public boolean extend(long bytes) {
      return dispatcher.extend(split, bytes);
    }

    @Override
    public void complete(List<Integer> skipped, StagedRows rest, Tally tally, Runnable release) {
      if (dispatcher.finished(split)) {
        finished.put(split, skipped, rest, tally, release);
      } else {
        release.run();
      }
    }
  }
}
