package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
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
  private final MixedOrder order;
  private final List<MixMember> members = new ArrayList<>();

  private final int[] windowMember = new int[WINDOW];
  private final int[] windowRow = new int[WINDOW];
  private int window;

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
    for (int i = 0; i < splits.size(); i++) {
      members.add(
          new MixMember(
              plan.members().get(i), splits.get(i), start.places().get(i), start.skipped(i)));
    }
    this.order = new MixedOrder(plan, start.epoch(), members, this::splitEnded);
  }

  @Override
  public List<SplitCounts> splitCounts() {
    return members.stream().map(MixMember::counts).toList();
  }

  /** Takes the rows of the epoch from its members until it ends. */
  public void takeAll(MixListener listener) throws InterruptedException {
    int drawn = order.member(rows());
    while (drawn >= 0) {
      MixMember member = members.get(drawn);
      windowMember[window] = drawn;
      windowRow[window] = member.take();
      listener.took(drawn, member.split(), windowRow[window]);
      window++;
      if (window == Math.min(WINDOW, room())) {
        flush();
      }
      drawn = order.member(rows() + window);
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

  private void splitEnded(int member) throws InterruptedException {
    flush();
    settle(member, true);
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
    return at.at(
        members.stream().map(MixMember::place).toList(),
        members.stream().map(MixMember::skipped).toList());
  }
}
