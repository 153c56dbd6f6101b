package io.lastmile.sequence;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The sequence of a table: the rows of split 0, then 1, then 2 ….
 *
 * <p>Only the worker whose split has its turn appends; the turn passes under a lock, which hands
 * the fields over from one worker to the next.
 */
public final class TableSequence extends Sequence {
  private final boolean limited;
  private final int lastSteps;
  private final SplitCounts counts;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition passed = lock.newCondition();

  /** Written under the lock by whoever has the turn; read by all. */
  private volatile int turn;

  /** Written under the lock by whoever has the turn; read by all. */
  private volatile boolean reachedLimit;

  /** Owned by whoever has the turn, like all fields below. */
  private long skip;

  private long rowOfSplit;

  /** Rows until the limit. */
  private long left;

  /** Rows of the split beyond the limit. */
  private long overLimit;

  /**
   * A sequence that goes on from a position.
   *
   * @param plan of the dataset
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of its steps
   */
  public TableSequence(DatasetPlan plan, int worldSize, Position start, StepSink sink) {
    super(plan, worldSize, start, sink);
    this.turn = start.split();
    this.skip = start.row();
    this.limited = plan.limit() != null;
    this.lastSteps = plan.lastSteps();
    this.counts = new SplitCounts(start.split());
    this.left = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows() - start.rows();
    this.reachedLimit = left <= 0;
  }

  @Override
  public List<SplitCounts> splitCounts() {
    return List.of(counts);
  }

  /** Whether the limit of the epoch is reached: no split behind those that are appended is run. */
  public boolean hasReachedLimit() {
    return reachedLimit;
  }

  /** Whether it is the turn of a split. Any thread. */
  public boolean hasTurn(int ordinal) {
    return turn == ordinal;
  }

  /** Waits for the turn of a split; false: it does not come, since the limit is reached before. */
  public boolean awaitTurn(int ordinal) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (turn != ordinal && !reachedLimit) {
        passed.await();
      }
      return turn == ordinal && !reachedLimit;
    } finally {
      lock.unlock();
    }
  }

  /** Appends the next rows of the split whose turn it is; waits where a rank has no free slot. */
  public void append(RowSource rows) throws InterruptedException {
    int from = (int) Math.min(skip, rows.rows());
    skip -= from;
    rowOfSplit += from;
    int end = from + (int) Math.min(rows.rows() - from, left);
    left -= end - from;
    overLimit += rows.rows() - end;
    add(rows, from, end);
  }

  @Override
  void added(int rows) {
    rowOfSplit += rows;
  }

  @Override
  Position placed(Position at) {
    return at.at(turn, rowOfSplit);
  }

  @Override
  List<Long> left(int rows) {
    return List.of((long) rows);
  }

  /**
   * How many rows of the split whose turn it is have been appended, without those beyond the limit.
   */
  public long rowsOfSplit() {
    return rowOfSplit;
  }

  /**
   * All rows of the split whose turn it is have been appended: the next split has its turn.
   *
   * @param tally what became of the rows of the split
   */
  public void passTurn(int ordinal, Tally tally) {
    if (skip > 0) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid position: row %d of split %d (it has %d)"
              .formatted(rowOfSplit + skip, ordinal, rowOfSplit));
    }
    List<Long> dropped = new ArrayList<>(tally.dropped());
    if (limited) {
      dropped.add(overLimit);
    }
    dropped.addAll(Collections.nCopies(lastSteps, 0L));
    counts.add(ordinal, tally.kept());
    lock.lock();
    try {
      count(position().counts().plusSplit(tally.read(), tally.added(), dropped));
      rowOfSplit = 0;
      overLimit = 0;
      reachedLimit = left <= 0;
      turn = ordinal + 1;
      passed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
