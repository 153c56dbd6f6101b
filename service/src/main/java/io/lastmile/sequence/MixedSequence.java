package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.SplitQuery;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The sequence of a mix: each row comes from the dataset that is drawn for its number, which gives
 * its rows in its own order. Used by one thread.
 */
public final class MixedSequence extends Sequence {
  /** Rows that are gathered at once. */
  private static final int WINDOW = 2048;

  private final MixPlan plan;
  private final Draw draw;
  private final List<MixMember> members = new ArrayList<>();

  /** Which of the members have no row left, and never will. */
  private final boolean[] out;

  private final int[] windowMember = new int[WINDOW];
  private final int[] windowRow = new int[WINDOW];
  private int window;
  private boolean over;

  /** How far the members were after the last whole step, once all rows have been added. */
  private List<Place> whole = List.of();

  /**
   * A sequence that goes on from a position.
   *
   * @param plan of the mix
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of its steps
   * @param splits of the members
   */
  public MixedSequence(
      MixPlan plan, int worldSize, Position start, StepSink sink, List<FinishedSplits> splits) {
    super(plan, worldSize, start, sink);
    this.plan = plan;
    this.draw = new Draw(plan.seed(), start.epoch(), plan.mix().parts());
    this.out = new boolean[splits.size()];
    for (int i = 0; i < splits.size(); i++) {
      members.add(new MixMember(plan.members().get(i), splits.get(i), start.places().get(i)));
    }
  }

  /** Takes the rows of the epoch from its members until it ends. */
  public void takeAll(MixListener listener) throws InterruptedException {
    long limit = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows();
    while (!over && rows() + window < limit) {
      take(rows() + window, listener);
      if (window == Math.min(WINDOW, room())) {
        flush();
      }
    }
    flush();
    for (int i = 0; i < members.size(); i++) {
      if (members.get(i).hasBegun()) {
        settle(i, false);
      }
    }
    whole = position().places();
    place();
  }

  /** Takes a row from the member that is drawn for it, or ends the epoch. */
  private void take(long row, MixListener listener) throws InterruptedException {
    while (!over) {
      int drawn = draw.of(row, out);
      if (has(drawn)) {
        MixMember member = members.get(drawn);
        windowMember[window] = drawn;
        windowRow[window] = member.take();
        listener.took(drawn, member.split(), windowRow[window]);
        window++;
        return;
      }
      dry(drawn);
    }
  }

  /** Whether a member has a row left in its pass; at the end of a split it goes on to the next. */
  private boolean has(int index) throws InterruptedException {
    MixMember member = members.get(index);
    while (!member.hasRow()) {
      if (member.hasBegun()) {
        flush();
        settle(index, true);
      } else if (!member.begin()) {
        return false;
      }
    }
    return true;
  }

  private void dry(int index) {
    MixMember member = members.get(index);
    switch (plan.mix().onDry()) {
      case STOP -> over = true;
      case REST -> {
        out[index] = true;
        over = allOut();
      }
      case REPEAT -> {
        if (member.place().taken() == 0) {
          throw LastmileException.of(
              FailureKind.DATA,
              "Dataset \"%s\" of mix \"%s\" has no rows in pass %d of epoch %d (on_dry: rest goes on without it)"
                  .formatted(
                      member.plan().name(),
                      plan.name(),
                      member.place().pass(),
                      position().epoch()));
        }
        over = othersStartedOver(index);
        if (!over) {
          member.startOver();
        }
      }
    }
  }

  private boolean allOut() {
    for (boolean one : out) {
      if (!one) {
        return false;
      }
    }
    return true;
  }

  private boolean othersStartedOver(int index) {
    for (int i = 0; i < members.size(); i++) {
      if (i != index && members.get(i).place().pass() == 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * The split that a member has begun is at its end, or the epoch is.
   *
   * @param goesOn whether the epoch does
   */
  private void settle(int index, boolean goesOn) {
    MixMember member = members.get(index);
    int copyAt = 0;
    int dropAt = 0;
    for (DatasetPlan before : plan.members().subList(0, index)) {
      copyAt += before.copySteps().size();
      dropAt += before.dropSteps().size() + 1;
    }
    List<Long> added = zeros(plan.copySteps().size());
    List<Long> dropped = zeros(plan.dropSteps().size());
    int left = member.rows().rows() - member.rowsTaken();
    boolean limited = member.hasReachedLimit();
    FinishedSplit split = member.end(goesOn);
    put(split.tally().added(), added, copyAt);
    put(split.tally().dropped(), dropped, dropAt);
    int mixAt = dropAt + member.plan().dropSteps().size();
    dropped.set(limited ? mixAt - 1 : mixAt, (long) left);
    split.release().run();
    count(position().counts().plusSplit(split.tally().read(), added, dropped));
  }

  private static List<Long> zeros(int count) {
    Long[] zeros = new Long[count];
    Arrays.fill(zeros, 0L);
    return Arrays.asList(zeros);
  }

  private static void put(List<Long> some, List<Long> all, int at) {
    for (int i = 0; i < some.size(); i++) {
      all.set(at + i, some.get(i));
    }
  }

  /** Adds the rows of the window. */
  private void flush() throws InterruptedException {
    if (window == 0) {
      return;
    }
    List<PackedRows> buffers = new ArrayList<>();
    int[] first = new int[members.size()];
    List<Long> files = new ArrayList<>();
    long file = 0;
    for (int i = 0; i < first.length; i++) {
      first[i] = buffers.size();
      buffers.addAll(members.get(i).buffers());
      while (files.size() < buffers.size()) {
        files.add(file << SplitQuery.NUMBER_BITS);
      }
      file += members.get(i).plan().table().files().size();
    }
    int[] owner = new int[window];
    int[] number = new int[window];
    for (int i = 0; i < window; i++) {
      StagedRows rows = members.get(windowMember[i]).rows();
      owner[i] = first[windowMember[i]] + rows.owner(windowRow[i]);
      number[i] = rows.number(windowRow[i]);
    }
    int count = window;
    window = 0;
    StagedRows rows = new StagedRows(buffers, owner, number);
    add(new MixedRows(rows, files.stream().mapToLong(Long::longValue).toArray()), 0, count);
  }

  /** The places already are behind the rows of the window, which never goes beyond a step. */
  @Override
  void added(int rows) {}

  @Override
  List<Long> left(int rows) {
    List<Long> left = new ArrayList<>();
    for (int i = 0; i < members.size(); i++) {
      left.add(members.get(i).place().delivered() - whole.get(i).delivered());
    }
    return left;
  }

  @Override
  Position placed(Position at) {
    return at.at(members.stream().map(MixMember::place).toList());
  }
}
