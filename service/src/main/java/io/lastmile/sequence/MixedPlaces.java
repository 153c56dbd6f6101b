package io.lastmile.sequence;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.Tally;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToLongFunction;

/**
 * Where the rows of a mix come from, one after the other, as the counts of its splits tell: no
 * split is run. Used by one thread.
 */
public final class MixedPlaces {
  /** What comes next. */
  public enum Next {
    /** A row. */
    ROW,
    /** The epoch ends. */
    END,
    /** A row of a split that has no count. */
    UNKNOWN
  }

  private final List<MixMember> members = new ArrayList<>();
  private final MixedOrder order;
  private long row;
  private int member;
  private int rowOfSplit;

  /**
   * From some row on.
   *
   * @param row its number in the epoch
   * @param places how far each member was taken before it
   * @param counts of the splits of each member over all passes, as {@link SplitCounts} has them
   */
  public MixedPlaces(
      MixPlan plan, int epoch, long row, List<Place> places, List<IntToLongFunction> counts) {
    this.row = row;
    for (int i = 0; i < places.size(); i++) {
      DatasetPlan of = plan.members().get(i);
      members.add(new MixMember(of, new Counted(of, counts.get(i)), places.get(i), List.of()));
    }
    this.order =
        new MixedOrder(
            plan,
            epoch,
            members,
            ended -> {
              FinishedSplit _ = members.get(ended).end(true);
            });
  }

  /** A split that has no count is needed. */
  private static final class UnknownException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** Splits of which nothing is there but how many rows they have. */
  private record Counted(DatasetPlan plan, IntToLongFunction counts) implements FinishedSplits {
    @Override
    public FinishedSplit take(int pass, int split) {
      long rows = counts.applyAsLong(pass * plan.splits().count() + split);
      if (rows == SplitCounts.UNKNOWN) {
        throw new UnknownException();
      }
      return new FinishedSplit(
          new Split(pass, split, List.of()),
          List.of(),
          StagedRows.counted(Math.toIntExact(rows)),
          new Tally(0, List.of(), List.of(), rows),
          () -> {});
    }

    @Override
    public void endPass(int pass) {}
  }

  /** Goes to the next row. */
  public Next next() throws InterruptedException {
    try {
      member = order.member(row);
    } catch (UnknownException _) {
      return Next.UNKNOWN;
    }
    if (member < 0) {
      return Next.END;
    }
    rowOfSplit = members.get(member).take();
    row++;
    return Next.ROW;
  }

  /** Rows of the epoch before the next. */
  public long row() {
    return row;
  }

  /** Index of the dataset of the row in the mix. */
  public int member() {
    return member;
  }

  /** The ordinal of its split over all passes. */
  public int ordinal() {
    Place at = members.get(member).place();
    return at.pass() * members.get(member).plan().splits().count() + at.split();
  }

  /** Its number among the rows of the split that stay. */
  public int rowOfSplit() {
    return rowOfSplit;
  }
}
