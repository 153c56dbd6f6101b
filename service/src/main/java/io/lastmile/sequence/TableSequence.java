package io.lastmile.sequence;

import io.lastmile.dataset.Dataset;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The sequence of a table: the rows of split 0, then 1, then 2 …, or in the order of arrival those
 * of whichever split appends, all rows of one after those of another.
 *
 * <p>One thread at a time appends: it has taken the turn, under the lock that also hands the fields
 * over from one thread to the next.
 */
public final class TableSequence extends Sequence {
  private final boolean limited;
  private final int lastSteps;
  private final @Nullable SplitCounts counts;
  private DeliveredSplits delivered;

  /** The split whose rows are next. */
  private int split;

  /** Rows of that split that are in, or lie before the position that this sequence began at. */
  private long rowOfSplit;

  /** Row groups of that split that are left out, by index. */
  private List<Integer> skipped;

  /** The run of the split that appends, and the rows that it has come with. */
  private int run;

  private long rowOfRun;

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
    this.split = start.split();
    this.rowOfSplit = start.row();
    this.skipped = start.skipped(0);
    this.delivered = start.delivered();
    this.limited = plan.limit() != null;
    this.lastSteps = plan.lastSteps();
    this.counts =
        plan.dataset().order() == Dataset.Order.ARRIVAL || delivered.isOutOfOrder(split)
            ? null
            : new SplitCounts(split);
    this.left = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows() - start.rows();
  }

  /** None where the splits did not come in their order, or may not: what it was is not kept. */
  @Override
  public List<SplitCounts> splitCounts() {
    return counts == null ? List.of() : List.of(counts);
  }

  /** Whether the limit of the epoch is reached: no split behind those that are appended is run. */
  public boolean hasReachedLimit() {
    return left <= 0;
  }

  /**
   * Appends the next rows of the split whose turn it is; waits where a rank has no free slot. Each
   * run of a split comes with all of its rows: those that an earlier run has appended are left out.
   *
   * @param ordinal of the split
   * @param number of the run
   * @param leftOut row groups of the split that it has left out, by index
   */
  public void append(int ordinal, int number, RowSource rows, List<Integer> leftOut)
      throws InterruptedException {
    if (ordinal != split) {
      begin(ordinal);
    }
    skipped = leftOut;
    if (number != run) {
      run = number;
      rowOfRun = 0;
    }
    int from = Math.clamp(rowOfSplit + overLimit - rowOfRun, 0, rows.rows());
    int end = from + (int) Math.min(rows.rows() - from, left);
    rowOfRun += rows.rows();
    left -= end - from;
    overLimit += rows.rows() - end;
    add(rows, from, end);
  }

  private void begin(int ordinal) {
    if (rowOfSplit > 0 || rowOfRun > 0 || delivered.contains(ordinal)) {
      throw new IllegalStateException(
          "split %d comes at row %d of split %d".formatted(ordinal, rowOfSplit, split));
    }
    split = ordinal;
  }

  @Override
  void added(int rows) {
    rowOfSplit += rows;
  }

  @Override
  Position placed(Position at) {
    return at.at(split, rowOfSplit, rowOfSplit == 0 ? List.of() : skipped, delivered);
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
   * All rows of the split whose turn it is have been appended: another split has its turn.
   *
   * @param tally what became of the rows of the split
   */
  public void passTurn(Tally tally) {
    if (rowOfSplit > rowOfRun) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid position: row %d of split %d (it has %d)"
              .formatted(rowOfSplit, split, rowOfRun));
    }
    List<Long> dropped = new ArrayList<>(tally.dropped());
    if (limited) {
      dropped.add(overLimit);
    }
    dropped.addAll(Collections.nCopies(lastSteps, 0L));
    if (counts != null) {
      counts.add(split, tally.kept());
    }
    count(position().counts().plusSplit(tally.read(), tally.added(), dropped));
    delivered = delivered.plus(split);
    split = delivered.before();
    skipped = List.of();
    rowOfSplit = 0;
    overLimit = 0;
    run = 0;
    rowOfRun = 0;
  }
}
