package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The global row sequence of one epoch: takes the rows of split 0, then 1, then 2 …, and cuts them
 * into steps of world size × batch rows.
 *
 * <p>Only the worker whose split has its turn appends; the turn passes under a lock, which hands
 * the fields over from one worker to the next.
 */
public final class Sequence {
  private final DatasetPlan plan;
  private final int batch;
  private final int worldSize;
  private final StepSink sink;
  private final IdentityDigest identities;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition passed = lock.newCondition();

  /** Written under the lock by whoever has the turn; read by all. */
  private volatile int turn;

  /** Written under the lock by whoever has the turn; read by all. */
  private volatile boolean reachedLimit;

  /**
   * The batches being filled, by rank; only as many as have rows. Owned by whoever has the turn,
   * like all fields below.
   */
  private final List<Target> targets = new ArrayList<>();

  private int filled;
  private long skip;
  private long rowOfSplit;

  /** Rows until the limit. */
  private long left;

  /** Rows of the split beyond the limit. */
  private long overLimit;

  private long digest;
  private volatile Position position;

  /**
   * A sequence that goes on from a position.
   *
   * @param plan of the dataset
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of its steps
   */
  public Sequence(DatasetPlan plan, int worldSize, Position start, StepSink sink) {
    this.plan = plan;
    this.batch = plan.dataset().batch();
    this.worldSize = worldSize;
    this.sink = sink;
    this.identities = new IdentityDigest(plan.table().files(), !plan.query().copies().isEmpty());
    this.position = start;
    this.turn = start.split();
    this.skip = start.row();
    this.digest = start.digest();
    this.left = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows() - start.rows();
    this.reachedLimit = left <= 0;
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
    while (from < end) {
      int room = batch - filled % batch;
      int count = write(filled / batch, rows, from, Math.min(room, end - from));
      for (int row = from; row < from + count; row++) {
        digest += identities.of(rows.identity(row), rows.copy(row));
      }
      from += count;
      filled += count;
      rowOfSplit += count;
      if (filled == worldSize * batch) {
        publish(filled, 0);
      }
    }
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
    lock.lock();
    try {
      Position now = position;
      position =
          at(
              now.step(),
              now.rows(),
              now.split(),
              now.row(),
              now.counts().plusSplit(tally, overLimit),
              now.digest());
      rowOfSplit = 0;
      overLimit = 0;
      reachedLimit = left <= 0;
      turn = ordinal + 1;
      passed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The position after the last complete step; its counts may already know of splits behind it. Any
   * thread.
   */
  public Position position() {
    return position;
  }

  /**
   * All splits have been appended: divides what is left evenly among the ranks, and gives the start
   * of the next epoch.
   */
  public Position finish() throws InterruptedException {
    if (filled > 0) {
      divideLastStep();
    }
    return Position.startOf(position.epoch() + 1, plan);
  }

  /** Writes up to count rows into the batch of a rank, at least one; says how many. */
  private int write(int rank, RowSource rows, int from, int count) throws InterruptedException {
    while (true) {
      Target target = target(rank);
      int fit = rows.fitting(target.packer(), from, count, target.rows());
      if (fit > 0) {
        rows.write(target.packer(), from, fit, target.rows());
        return fit;
      }
      grow(rank, target, rows.lengths(target.packer(), from));
    }
  }

  private Target target(int rank) throws InterruptedException {
    while (targets.size() <= rank) {
      targets.add(Target.of(sink.slot(targets.size())));
    }
    return targets.get(rank);
  }

  private void grow(int rank, Target full, long[] lengths) {
    Target larger = Target.of(sink.larger(rank, full.rows(), full.larger(lengths)));
    larger.packer().copy(full.rows(), 0, full.rows().rows(), larger.rows());
    targets.set(rank, larger);
    sink.outgrown(rank, full.rows());
  }

  /** Rank r gets rows [⌊R·r/W⌋, ⌊R·(r+1)/W⌋) of the R rows left, or one padding row. */
  private void divideLastStep() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      List<PackedRows> left = new ArrayList<>();
      for (Target target : targets) {
        PackedRows copy =
            new PackedRows(
                arena.allocate(target.rows().layout().bytes(), 64), target.rows().layout());
        target.packer().copy(target.rows(), 0, target.rows().rows(), copy);
        target.rows().clear();
        left.add(copy);
      }
      RowSource rows = new StagedRows(left, null);
      int padded = 0;
      for (int rank = 0; rank < worldSize; rank++) {
        int from = (int) ((long) filled * rank / worldSize);
        int end = (int) ((long) filled * (rank + 1) / worldSize);
        padded += from == end ? 1 : 0;
        if (from == end) {
          target(rank).rows().pad();
        }
        while (from < end) {
          from += write(rank, rows, from, end - from);
        }
      }
      publish(filled, padded);
    }
  }

  private void publish(int rows, int padded) {
    Map<String, Long> unknown = new LinkedHashMap<>();
    for (Target target : targets) {
      target
          .rows()
          .settleUnknown()
          .forEach((tensor, count) -> unknown.merge(tensor, count, Long::sum));
    }
    Position before = position;
    Position after =
        at(
            before.step() + 1,
            before.rows() + rows,
            turn,
            rowOfSplit,
            before.counts().plusStep(rows, padded, unknown),
            digest);
    byte[] json = after.json();
    List<PackedRows> ranks = targets.stream().map(Target::rows).toList();
    for (int rank = 0; rank < ranks.size(); rank++) {
      boolean empty = (long) rows * rank / worldSize == (long) rows * (rank + 1) / worldSize;
      ranks.get(rank).seal(empty ? 1 : 0, rows, after.epoch(), before.step(), json);
    }
    position = after;
    targets.clear();
    filled = 0;
    sink.publish(ranks, after);
  }

  private Position at(long step, long rows, int split, long row, Counts counts, long sum) {
    return new Position(plan.fingerprint(), position.epoch(), step, rows, split, row, counts, sum);
  }
}
