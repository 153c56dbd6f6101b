package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.split.Split;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A dataset of a mix while its rows are taken. */
final class MixMember {
  private final DatasetPlan plan;
  private final FinishedSplits splits;
  private final int count;
  private final long limit;
  private final SplitCounts counts;

  /** The split that rows are taken from; null: none has been begun. */
  private @Nullable FinishedSplit split;

  /** Its number of rows; 0 without one. */
  private int rows;

  /** How far this member was when the split was begun, or since, and the rows taken behind that. */
  private Place start;

  private int taken;

  /** Row groups of the split of the next row that were left out; none where it is at its start. */
  private List<Integer> skipped;

  MixMember(DatasetPlan plan, FinishedSplits splits, Place start, List<Integer> skipped) {
    this.skipped = skipped;
    this.plan = plan;
    this.splits = splits;
    this.count = plan.splits().count();
    this.limit = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows();
    this.start = start;
    this.counts = new SplitCounts(start.pass() * count + start.split());
  }

  DatasetPlan plan() {
    return plan;
  }

  Place place() {
    return start.plus(taken);
  }

  /** Row groups of the split of the next row that were left out, by index. */
  List<Integer> skipped() {
    return skipped;
  }

  /** Whether a split has been begun, and not been ended. */
  boolean hasBegun() {
    return split != null;
  }

  /** Whether the split that has been begun has a row left, and the limit allows it. */
  boolean hasRow() {
    return start.row() + taken < rows && !hasReachedLimit();
  }

  boolean hasReachedLimit() {
    return start.taken() + taken >= limit;
  }

  /** Takes the next row; its number in the split. */
  int take() {
    int row = rowsTaken();
    taken++;
    return row;
  }

  /** Rows of the split that have been taken. */
  int rowsTaken() {
    return (int) (start.row() + taken);
  }

  /** Begins the next split of the pass; false when there is none. */
  boolean begin() throws InterruptedException {
    Place at = place();
    if (at.split() < count && hasReachedLimit()) {
      splits.endPass(at.pass());
      start = at.end(count);
      taken = 0;
    }
    if (start.split() >= count) {
      return false;
    }
    FinishedSplit next = splits.take(at.pass(), at.split());
    split = next;
    skipped = next.skipped();
    rows = next.rows().rows();
    counts.add(at.pass() * count + at.split(), rows);
    if (at.row() > rows) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid position: row %d of split %d of dataset \"%s\" (it has %d)"
              .formatted(at.row(), at.split(), plan.name(), rows));
    }
    return true;
  }

  /** Ends the split that has been begun, and goes on to the next if the epoch does. */
  FinishedSplit end(boolean goesOn) {
    FinishedSplit ended = begun();
    start =
        goesOn ? place().nextSplit(ended.tally().read()) : place().reading(ended.tally().read());
    taken = 0;
    skipped = List.of();
    split = null;
    rows = 0;
    return ended;
  }

  /** Goes on to the start of the next pass. */
  void startOver() {
    start = place().nextPass();
    taken = 0;
  }

  /** The split that has been begun. */
  Split split() {
    return begun().split();
  }

  /** How many rows the splits give that have been begun, over all passes. */
  SplitCounts counts() {
    return counts;
  }

  /** The rows of that split. */
  StagedRows rows() {
    return begun().rows();
  }

  private FinishedSplit begun() {
    if (split == null) {
      throw new IllegalStateException("no split has been begun");
    }
    return split;
  }

  /** The memory of the split that has been begun. */
  List<PackedRows> buffers() {
    return split == null ? List.of() : split.rows().buffers();
  }
}
