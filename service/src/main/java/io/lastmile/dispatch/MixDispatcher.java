package io.lastmile.dispatch;

import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The lock around the {@link DispatcherState} of each member of a mix. Each has a budget of its
 * own, so that none keeps another from its next split. Any thread.
 */
public final class MixDispatcher {
  /**
   * A member of a mix. Its ordinals go on over its passes: split s of pass p is p · count + s.
   *
   * @param splits of a pass
   * @param count of them
   * @param first ordinal to run
   * @param end ordinal behind the last
   * @param ratio of its rows in the mix
   * @param budget bytes of staging
   * @param stagingBytes that a split may need
   */
  public record Member(
      IntFunction<List<Split>> splits,
      int count,
      int first,
      int end,
      double ratio,
      long budget,
      ToLongFunction<Split> stagingBytes) {}

  /**
   * A split for a worker.
   *
   * @param member whose it is, by index
   * @param ordinal over all passes
   * @param split to run
   * @param bytes of staging reserved for it
   */
  public record Assignment(int member, int ordinal, Split split, long bytes) {}

  private final List<Member> members;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** By member; guarded by the lock, like all below. */
  private final List<DispatcherState> states = new ArrayList<>();

  /** The splits of the pass that a member is in, and which pass that is. */
  private final List<List<Split>> splits = new ArrayList<>();

  private final int[] passes;
  private boolean ended;

  public MixDispatcher(List<Member> members) {
    this.members = List.copyOf(members);
    this.passes = new int[members.size()];
    for (int i = 0; i < passes.length; i++) {
      Member member = members.get(i);
      states.add(DispatcherState.starting(member.first(), member.end(), member.budget()));
      passes[i] = -1;
      splits.add(List.of());
    }
  }

  /** The next split, as soon as there is room for one; null when no more are needed. */
  public @Nullable Assignment next() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!ended && !states.stream().allMatch(DispatcherState::exhausted)) {
        Assignment assignment = neediest();
        if (assignment != null) {
          return assignment;
        }
        changed.await();
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** The next split of the member that has fewest bytes ready for its ratio; null: no room. */
  private @Nullable Assignment neediest() {
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < members.size(); i++) {
      DispatcherState state = states.get(i);
      double ready = (double) state.used() / members.get(i).ratio();
      if (ready < least && !state.exhausted() && state.assignable(bytes(i)) != null) {
        best = i;
        least = ready;
      }
    }
    return best < 0 ? null : assign(best);
  }

  private Assignment assign(int member) {
    DispatcherState state = states.get(member);
    Split split = next(member);
    long bytes = bytes(member);
    long reserved = state.assignable(bytes) == DispatcherState.Mode.STAGED ? bytes : 0;
    states.set(member, state.apply(new DispatcherState.Event.Assigned(bytes)));
    return new Assignment(member, state.next(), split, reserved);
  }

  private long bytes(int member) {
    return members.get(member).stagingBytes().applyAsLong(next(member));
  }

  private Split next(int index) {
    Member member = members.get(index);
    int ordinal = states.get(index).next();
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
      if (!state.extensible(bytes)) {
        return false;
      }
      states.set(
          split.member(), state.apply(new DispatcherState.Event.Extended(split.ordinal(), bytes)));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The memory of a split is free again. */
  public void released(Assignment split) {
    apply(split.member(), new DispatcherState.Event.Appended(split.ordinal()));
  }

  /** Splits of a member before an ordinal are not needed any more. */
  public void skipTo(int member, int ordinal) {
    apply(member, new DispatcherState.Event.Skipped(ordinal));
  }

  private void apply(int member, DispatcherState.Event event) {
    lock.lock();
    try {
      states.set(member, states.get(member).apply(event));
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** No more splits are needed. */
  public void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
