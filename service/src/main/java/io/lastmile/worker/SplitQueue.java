package io.lastmile.worker;

import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.plan.Tally;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.FinishedSplits;
import io.lastmile.sequence.StagedRows;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The finished splits of one table, from the workers that ran them until their rows are in the
 * sequence. Any thread.
 */
final class SplitQueue implements FinishedSplits {
  private final Dispatcher dispatcher;
  private final int member;
  private final int count;

  /** By ordinal over all passes, until they are released; guarded by this. */
  private final Map<Integer, FinishedSplit> finished;

  /** The first ordinal that may still be taken; guarded by this. */
  private int first;

  /**
   * A queue.
   *
   * @param count splits of a pass
   * @param warm splits that are finished already, by ordinal
   */
  SplitQueue(Dispatcher dispatcher, int member, int count, Map<Integer, FinishedSplit> warm) {
    this.dispatcher = dispatcher;
    this.member = member;
    this.count = count;
    this.finished = new HashMap<>(warm);
  }

  /** A split is finished, and the dispatcher knows. */
  void put(
      Assignment split, List<Integer> skipped, StagedRows rows, Tally tally, Runnable release) {
    boolean late;
    synchronized (this) {
      finished.put(
          split.ordinal(), new FinishedSplit(split.split(), skipped, rows, tally, release));
      late = split.ordinal() < first;
      notifyAll();
    }
    if (late) {
      release(split.ordinal());
    }
  }

  /** The split of an ordinal, as soon as it is finished. It is to be released once. */
  synchronized FinishedSplit take(int ordinal) throws InterruptedException {
    while (true) {
      FinishedSplit split = finished.get(ordinal);
      if (split != null) {
        return new FinishedSplit(
            split.split(), split.skipped(), split.rows(), split.tally(), () -> release(ordinal));
      }
      wait();
    }
  }

  @Override
  public FinishedSplit take(int pass, int split) throws InterruptedException {
    return take(pass * count + split);
  }

  private void release(int ordinal) {
    FinishedSplit split;
    synchronized (this) {
      split = finished.remove(ordinal);
    }
    if (split != null) {
      split.release().run();
      dispatcher.appended(member, ordinal);
    }
  }

  @Override
  public void endPass(int pass) {
    int end = (pass + 1) * count;
    dispatcher.skipTo(member, end);
    Map<Integer, FinishedSplit> unused;
    synchronized (this) {
      first = end;
      unused = new HashMap<>(finished);
    }
    unused.keySet().stream().filter(ordinal -> ordinal < end).forEach(this::release);
  }

  /** All that have not been released leave this queue. Nobody uses it any more. */
  synchronized Map<Integer, FinishedSplit> leave() {
    Map<Integer, FinishedSplit> left = new HashMap<>(finished);
    finished.clear();
    return left;
  }
}
