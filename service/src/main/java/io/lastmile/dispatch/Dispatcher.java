package io.lastmile.dispatch;

import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The lock and the clock around the {@link DispatcherState} of each member of a feed: a table has
 * one. Each has a budget of its own, so that none keeps another from its next split. Any thread.
 */
public final class Dispatcher {
  private final List<Member> members;
  private final Rules rules;
  private final LongSupplier clock;
  private final Consumer<Assignment> unneeded;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** By member; guarded by the lock, like all below. */
  private final List<DispatcherState> states = new ArrayList<>();

  /** The runs that go on, by member. */
  private final List<Map<Lease, Going>> going = new ArrayList<>();

  /** The splits of the pass that a member is in, and which pass that is. */
  private final List<List<Split>> splits = new ArrayList<>();

  private final int[] passes;

  /** Workers that wait for a split. */
  private int idle;

  private boolean ended;

  /** A run and its time; that in which it waits for its turn or for ranks does not count. */
  private static final class Going {
    private final Assignment assignment;
    private long nanos;
    private long since;
    private boolean waiting;

    Going(Assignment assignment, long now) {
      this.assignment = assignment;
      this.since = now;
    }

    long nanos(long now) {
      return waiting ? nanos : nanos + now - since;
    }

    void await(long now) {
      nanos = nanos(now);
      waiting = true;
    }

    void goOn(long now) {
      since = now;
      waiting = false;
    }
  }

  /**
   * A dispatcher of one epoch.
   *
   * @param members tables
   * @param warm of each member the bytes of splits that are finished already, by ordinal
   * @param rules of runs that fail, hang or hold up the others
   * @param clock nanoseconds
   * @param unneeded told of each run that goes on and delivers nothing any more; it must not come
   *     back here
   */
  public Dispatcher(
      List<Member> members,
      List<Map<Integer, Long>> warm,
      Rules rules,
      LongSupplier clock,
      Consumer<Assignment> unneeded) {
    this.members = List.copyOf(members);
    this.rules = rules;
    this.clock = clock;
    this.unneeded = unneeded;
    this.passes = new int[members.size()];
    for (int i = 0; i < passes.length; i++) {
      Member member = members.get(i);
      states.add(
          DispatcherState.starting(
              member.turns(),
              member.current(),
              member.first(),
              member.end(),
              member.ahead(),
              member.budget(),
              warm.get(i)));
      going.add(new HashMap<>());
      passes[i] = -1;
      splits.add(List.of());
    }
  }

  /**
   * The next split for a worker, as soon as there is room for one; null when no more are needed.
   *
   * @param worker number of it
   */
  public @Nullable Assignment next(int worker) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!ended && !states.stream().allMatch(DispatcherState::complete)) {
        Assignment assignment = find(worker);
        if (assignment != null) {
          return assignment;
        }
        idle++;
        try {
          long _ = changed.awaitNanos(untilSlow());
        } finally {
          idle--;
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Assignment find(int worker) {
    for (int i = 0; i < passes.length; i++) {
      int ordinal = states.get(i).repeatable(worker, idle > 0);
      if (ordinal >= 0) {
        return repeat(i, ordinal, worker);
      }
    }
    Assignment neediest = neediest(worker);
    return neediest == null ? slowest(worker) : neediest;
  }

  /** The next split of the member that has fewest bytes ready for its ratio; null: no room. */
  private @Nullable Assignment neediest(int worker) {
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < passes.length; i++) {
      DispatcherState state = states.get(i);
      double ready = (double) state.used() / members.get(i).ratio();
      if (ready < least && !state.exhausted() && state.assignable(bytes(i)) != null) {
        best = i;
        least = ready;
      }
    }
    return best < 0 ? null : assign(best, worker);
  }

  private Assignment assign(int member, int worker) {
    long bytes = bytes(member);
    int ordinal = states.get(member).next();
    change(member, new DispatcherState.Event.Assigned(worker, bytes));
    return begun(member, ordinal);
  }

  /** A second run of a split that blocks the sequence and has become slow; null: there is none. */
  private @Nullable Assignment slowest(int worker) {
    for (int i = 0; i < passes.length; i++) {
      Lease lease = states.get(i).blocking();
      if (lease != null && untilSlow(i) <= 0) {
        return repeat(i, lease.ordinal(), worker);
      }
    }
    return null;
  }

  private long untilSlow() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < passes.length; i++) {
      least = Math.min(least, untilSlow(i));
    }
    return least;
  }

  /** How long until the run that blocks a member has become slow. */
  private long untilSlow(int member) {
    DispatcherState state = states.get(member);
    Lease lease = rules.repeats() ? state.blocking() : null;
    Going run = lease == null ? null : going.get(member).get(lease);
    long patience = state.patienceNanos();
    return run == null || run.waiting || patience == Long.MAX_VALUE
        ? Long.MAX_VALUE
        : patience - run.nanos(clock.getAsLong());
  }

  private Assignment repeat(int member, int ordinal, int worker) {
    change(member, new DispatcherState.Event.Repeated(ordinal, worker));
    return begun(member, ordinal);
  }

  /** The run of a worker that has just begun. */
  private Assignment begun(int member, int ordinal) {
    DispatcherState state = states.get(member);
    OpenSplit.Run run = state.begun(ordinal);
    Assignment assignment =
        new Assignment(
            member, run.lease(), split(member, ordinal), state.mode(ordinal), run.bytes());
    going.get(member).put(run.lease(), new Going(assignment, clock.getAsLong()));
    return assignment;
  }

  private long bytes(int member) {
    return members.get(member).stagingBytes().applyAsLong(split(member, states.get(member).next()));
  }

  private Split split(int index, int ordinal) {
    Member member = members.get(index);
    int pass = ordinal / member.count();
    if (passes[index] != pass) {
      passes[index] = pass;
      splits.set(index, member.splits().apply(pass));
    }
    return splits.get(index).get(ordinal % member.count());
  }

  /** Reserves more staging for a split that is being run; false when there is none. */
  public boolean extend(Assignment split, long bytes) {
    lock.lock();
    try {
      DispatcherState state = states.get(split.member());
      if (!state.extensible(split.ordinal(), bytes) || !state.holds(split.lease())) {
        return false;
      }
      change(split.member(), new DispatcherState.Event.Extended(split.lease(), bytes));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the rows of a split are needed still. */
  public boolean isNeeded(Assignment split) {
    lock.lock();
    try {
      return !ended && states.get(split.member()).holds(split.lease());
    } finally {
      lock.unlock();
    }
  }

  /** Whether rows of a split could go into the sequence now. */
  public boolean hasTurn(Assignment split) {
    lock.lock();
    try {
      return !ended && states.get(split.member()).enterable(split.lease());
    } finally {
      lock.unlock();
    }
  }

  /** Waits until rows of a split can go into the sequence; false: they never will. */
  public boolean awaitTurn(Assignment split) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      waiting(split, true);
      while (isNeeded(split)) {
        if (states.get(split.member()).enterable(split.lease())) {
          return true;
        }
        changed.await();
      }
      return false;
    } finally {
      waiting(split, false);
      lock.unlock();
    }
  }

  private void waiting(Assignment split, boolean waits) {
    Going run = going.get(split.member()).get(split.lease());
    if (run != null && waits) {
      run.await(clock.getAsLong());
    } else if (run != null) {
      run.goOn(clock.getAsLong());
    }
  }

  /**
   * Waits for the turn of a split, and takes it: nobody else appends to the sequence until {@link
   * #leave}. False: it does not come.
   */
  public boolean enter(Assignment split) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      if (!awaitTurn(split)) {
        return false;
      }
      change(split.member(), new DispatcherState.Event.Entered(split.lease()));
      waiting(split, true);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Ends what {@link #enter} began; whether the rest of the split's rows is needed still. */
  public boolean leave(Assignment split) {
    lock.lock();
    try {
      change(split.member(), new DispatcherState.Event.Left(split.lease()));
      waiting(split, false);
      return isNeeded(split);
    } finally {
      lock.unlock();
    }
  }

  /**
   * The lease of the finished split whose turn it is: nobody else appends to the sequence until
   * {@link #appended}. Null: it has not finished, or another appends.
   */
  public @Nullable Lease enterFinished(int member) {
    lock.lock();
    try {
      Lease lease = ended ? null : states.get(member).appendable();
      if (lease != null) {
        change(member, new DispatcherState.Event.Entered(lease));
      }
      return lease;
    } finally {
      lock.unlock();
    }
  }

  /** All rows of a split have been read; false: nobody needs them. */
  public boolean finished(Assignment split) {
    lock.lock();
    try {
      if (!isNeeded(split)) {
        return false;
      }
      Going run = going.get(split.member()).get(split.lease());
      long nanos = run == null ? 0 : run.nanos(clock.getAsLong());
      change(split.member(), new DispatcherState.Event.Finished(split.lease(), nanos));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** A run has failed, and given its memory back. */
  public Failed failed(Assignment split) {
    lock.lock();
    try {
      boolean needed = isNeeded(split);
      change(split.member(), new DispatcherState.Event.Failed(split.lease()));
      return needed ? verdict(split) : Failed.UNNEEDED;
    } finally {
      lock.unlock();
    }
  }

  private Failed verdict(Assignment split) {
    int failures = states.get(split.member()).failures(split.ordinal());
    return failures < rules.mostFailures() ? Failed.AGAIN : Failed.TOO_OFTEN;
  }

  /** A run that delivers nothing has ended, and given its memory back. */
  public void returned(Assignment split) {
    apply(split.member(), new DispatcherState.Event.Returned(split.lease()));
  }

  /**
   * A run that was given up.
   *
   * @param split that it ran
   * @param failed what becomes of the split
   */
  public record Expired(Assignment split, Failed failed) {}

  /** Gives up the runs that have taken longer than the timeout. */
  public List<Expired> expire() {
    lock.lock();
    try {
      List<Expired> expired = new ArrayList<>();
      long now = clock.getAsLong();
      for (Map<Lease, Going> runs : going) {
        for (Going run : List.copyOf(runs.values())) {
          if (!run.waiting && run.nanos(now) > rules.timeout().toNanos()) {
            Assignment split = run.assignment;
            change(split.member(), new DispatcherState.Event.Expired(split.lease()));
            expired.add(new Expired(split, verdict(split)));
          }
        }
      }
      return expired;
    } finally {
      lock.unlock();
    }
  }

  /** The rows of a split are all in the sequence, and its memory is free again. */
  public void appended(int member, int ordinal) {
    lock.lock();
    try {
      DispatcherState state = states.get(member);
      if (state.appending() != null && state.appending().ordinal() == ordinal) {
        change(member, new DispatcherState.Event.Left(state.appending()));
      }
      change(member, new DispatcherState.Event.Appended(ordinal));
    } finally {
      lock.unlock();
    }
  }

  /** Splits of a member before an ordinal are not needed any more, unless they are finished. */
  public void skipTo(int member, int ordinal) {
    apply(member, new DispatcherState.Event.Skipped(ordinal));
  }

  /** No more splits are needed. */
  public void end() {
    lock.lock();
    try {
      ended = true;
      going.forEach(runs -> runs.values().forEach(run -> unneeded.accept(run.assignment)));
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void apply(int member, DispatcherState.Event event) {
    lock.lock();
    try {
      change(member, event);
    } finally {
      lock.unlock();
    }
  }

  /** Under the lock. */
  private void change(int member, DispatcherState.Event event) {
    DispatcherState state = states.get(member).apply(event);
    states.set(member, state);
    Map<Lease, Going> runs = going.get(member);
    if (runs.size() > state.leases().size()) {
      runs.values().removeIf(run -> isOver(run.assignment, state));
    }
    changed.signalAll();
  }

  /** Whether a run has ended; if it goes on in vain, its worker is told. */
  private boolean isOver(Assignment run, DispatcherState state) {
    if (state.holds(run.lease())) {
      return false;
    }
    if (state.abandoned().containsKey(run.lease()) && !run.lease().equals(state.appending())) {
      unneeded.accept(run);
    }
    return true;
  }
}
