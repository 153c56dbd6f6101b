package io.lastmile.worker;

import io.lastmile.dataset.Mix;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.Member;
import io.lastmile.dispatch.Turns;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.Tally;
import io.lastmile.query.Session;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.MixListener;
import io.lastmile.sequence.MixedSequence;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.RowSource;
import io.lastmile.sequence.StagedRows;
import io.lastmile.sequence.StepSink;
import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One epoch of a mix: workers run the splits of its members and leave them to one thread more,
 * which takes their rows.
 */
final class MixEpoch implements Epoch {
  /** Bytes of memory for each byte of a row that is kept. */
  private static final int KEPT_SHARE = 4;

  private final MixPlan plan;
  private final int workers;
  private final EpochRun.Listener listener;
  private final int epoch;
  private final Position start;
  private final Dispatcher dispatcher;
  private final LeasedRuns runs;
  private final List<SplitQueue> queues = new ArrayList<>();
  private final List<StagingPool> pools = new ArrayList<>();
  private final MixedSequence sequence;

  /** Of each member; none: nothing is kept. */
  private final List<RowKeeper> keepers;

  MixEpoch(
      MixPlan plan,
      Workers workers,
      int worldSize,
      Position start,
      StepSink sink,
      EpochRun.Listener listener,
      List<RowKeeper> keepers,
      WarmSplits warm,
      Consumer<Assignment> unneeded) {
    this.plan = plan;
    this.keepers = List.copyOf(keepers);
    this.workers = workers.count();
    this.epoch = start.epoch();
    this.start = start;
    this.listener = listener;
    List<Member> members = new ArrayList<>();
    List<Map<Integer, FinishedSplit>> taken = new ArrayList<>();
    for (int i = 0; i < plan.members().size(); i++) {
      members.add(member(i, start.places().get(i)));
      taken.add(warm.take(start, i, members.get(i), ordinal -> ordinal));
    }
    this.dispatcher =
        new Dispatcher(
            members,
            taken.stream().map(TableEpoch::bytes).toList(),
            workers.rules(keepers.isEmpty()),
            System::nanoTime,
            unneeded);
    this.runs = new LeasedRuns(dispatcher, workers);
    for (int i = 0; i < members.size(); i++) {
      pools.add(new StagingPool(plan.members().get(i).stagingLayout()));
      queues.add(new SplitQueue(dispatcher, i, members.get(i).count(), taken.get(i)));
    }
    this.sequence = new MixedSequence(plan, worldSize, start, sink, List.copyOf(queues));
  }

  private Member member(int index, Place start) {
    DatasetPlan member = plan.members().get(index);
    int count = member.splits().count();
    boolean repeats = plan.mix().onDry() == Mix.OnDry.REPEAT && count > 0;
    return new Member(
        pass -> member.splits().of(epoch, pass),
        count,
        Turns.IN_ORDER,
        -1,
        start.pass() * count + start.split(),
        repeats ? Integer.MAX_VALUE : count,
        Integer.MAX_VALUE,
        plan.mix().parts().get(index).ratio(),
        member.budget().staging(),
        split -> bytes(index, split));
  }

  /**
   * What a split takes while it waits. Rows that are kept take more than those that are staged, and
   * their keeper needs as much again, and more, to put them in order.
   */
  private long bytes(int member, Split split) {
    RowKeeper keeper = keeper(member);
    long kept = keeper == null ? 0 : (long) (split.rows() * keeper.columns().rowBytes());
    return Math.max(plan.members().get(member).stagingBytes(split), KEPT_SHARE * kept);
  }

  @Override
  public MixedSequence sequence() {
    return sequence;
  }

  @Override
  public Dispatcher dispatcher() {
    return dispatcher;
  }

  @Override
  public String name(int member) {
    return plan.members().get(member).name();
  }

  @Override
  public WarmSplits leave() {
    return new WarmSplits(epoch, queues.stream().map(SplitQueue::leave).toList());
  }

  @Override
  public List<Work> work() {
    List<Work> work = new ArrayList<>();
    for (int worker = 0; worker < workers; worker++) {
      work.add(this::runSplits);
    }
    work.add(this::takeRows);
    return work;
  }

  @Override
  public void close() {
    pools.forEach(StagingPool::close);
  }

  private boolean takeRows(Worker worker, Session session) throws InterruptedException {
    boolean _ = worker.append();
    sequence.takeAll(keepers.isEmpty() ? (_, _, _) -> {} : keeping(session));
    worker.appended();
    dispatcher.end();
    return false;
  }

  private MixListener keeping(Session session) {
    return (member, split, row) -> {
      RowKeeper keeper = keepers.get(member);
      if (keeper.take(split, row, 1)) {
        keeper.settle(session);
      }
    };
  }

  /** Runs splits of whichever member needs one next, until the epoch has its rows. */
  private boolean runSplits(Worker worker, Session session) throws InterruptedException {
    List<SplitRunner> runners = new ArrayList<>();
    for (int i = 0; i < pools.size(); i++) {
      runners.add(
          new SplitRunner(plan.members().get(i), session, pools.get(i), listener, keeper(i)));
    }
    for (Assignment split = dispatcher.next(worker.number());
        split != null;
        split = dispatcher.next(worker.number())) {
      if (!run(worker, split, runners.get(split.member()))) {
        return true;
      }
      RowKeeper keeper = keeper(split.member());
      if (keeper != null) {
        keeper.settle(session);
      }
    }
    return false;
  }

  private boolean run(Worker worker, Assignment split, SplitRunner runner) {
    Outlet outlet = new Waiting(split);
    return runs.run(
        worker,
        split,
        name(split.member()),
        () -> runner.run(split.split(), skipped(split), split.bytes(), outlet));
  }

  /** What was left out of the split of a member that its position lies in. */
  private List<Integer> skipped(Assignment split) {
    Place at = start.places().get(split.member());
    int ordinal = at.pass() * plan.members().get(split.member()).splits().count() + at.split();
    return split.ordinal() == ordinal ? start.skipped(split.member()) : List.of();
  }

  private @Nullable RowKeeper keeper(int member) {
    return keepers.isEmpty() ? null : keepers.get(member);
  }

  /** A split that waits as a whole. */
  private final class Waiting implements Outlet {
    private final Assignment assignment;

    Waiting(Assignment assignment) {
      this.assignment = assignment;
    }

    @Override
    public boolean streams() {
      return false;
    }

    @Override
    public boolean hasTurn() {
      return false;
    }

    @Override
    public void awaitTurn() {
      throw new IllegalStateException("a split of a mix has no turn");
    }

    @Override
    public void append(RowSource rows) {
      throw new IllegalStateException("rows of a mix wait until their split is complete");
    }

    @Override
    public boolean extend(long bytes) {
      return dispatcher.extend(assignment, bytes);
    }

    @Override
    public void complete(List<Integer> skipped, StagedRows rest, Tally tally, Runnable release) {
      RowKeeper keeper = keeper(assignment.member());
      Split split = assignment.split();
      Runnable both = release;
      if (keeper != null && dispatcher.isNeeded(assignment)) {
        Splits splits = plan.members().get(assignment.member()).splits();
        keeper.complete(split, splits.rowOrder(split, rest.rows()), rest.rows());
        both =
            () -> {
              release.run();
              keeper.release(split);
            };
      }
      if (!dispatcher.finished(assignment)) {
        release.run();
        return;
      }
      queues.get(assignment.member()).put(assignment, skipped, rest, tally, both);
    }
  }
}
