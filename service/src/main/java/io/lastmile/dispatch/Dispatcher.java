package io.lastmile.dispatch;

import io.lastmile.split.Split;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** The lock around a {@link DispatcherState}: workers ask here for splits. Any thread. */
public final class Dispatcher {
  private final List<Split> splits;
  private final ToLongFunction<Split> stagingBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Guarded by the lock. */
  private DispatcherState state;

  /**
   * A dispatcher of one epoch.
   *
   * @param splits of the epoch
   * @param first ordinal to run
   * @param budget bytes of staging
   * @param stagingBytes that a split may need
   */
  public Dispatcher(
      List<Split> splits, int first, long budget, ToLongFunction<Split> stagingBytes) {
    this.splits = List.copyOf(splits);
    this.stagingBytes = stagingBytes;
    this.state = DispatcherState.starting(first, splits.size(), budget);
  }

  /** The next split, as soon as there is room for it; null when all have been assigned. */
  public @Nullable Assignment next() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!state.exhausted()) {
        Split split = splits.get(state.next());
        long bytes = stagingBytes.applyAsLong(split);
        DispatcherState.Mode mode = state.assignable(bytes);
        if (mode != null) {
          state = state.apply(new DispatcherState.Event.Assigned(bytes));
          return new Assignment(split, mode, mode == DispatcherState.Mode.STAGED ? bytes : 0);
        }
        changed.await();
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Reserves more staging for a split that is being run; false when there is none. */
  public boolean extend(int ordinal, long bytes) {
    lock.lock();
    try {
      if (!state.extensible(bytes)) {
        return false;
      }
      state = state.apply(new DispatcherState.Event.Extended(ordinal, bytes));
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The rows of a split are all in the sequence. */
  public void appended(int ordinal) {
    lock.lock();
    try {
      state = state.apply(new DispatcherState.Event.Appended(ordinal));
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
