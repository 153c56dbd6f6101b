package io.lastmile.worker;

import io.lastmile.dispatch.MixDispatcher;
import io.lastmile.plan.Tally;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.FinishedSplits;
import io.lastmile.sequence.StagedRows;
import java.util.HashMap;
import java.util.Map;

/** The finished splits of one member of a mix, between its workers and who takes its rows. */
final class SplitQueue implements FinishedSplits {
  private final MixDispatcher dispatcher;
  private final int member;
  private final int count;

  /** By ordinal over all passes; guarded by this. */
  private final Map<Integer, FinishedSplit> waiting = new HashMap<>();

  /** The first ordinal that may still be taken; guarded by this. */
  private int first;

  /**
   * A queue.
   *
   * @param count splits of a pass
   */
  SplitQueue(MixDispatcher dispatcher, int member, int count) {
    this.dispatcher = dispatcher;
    this.member = member;
    this.count = count;
  }

  /** A split is finished. */
  void put(MixDispatcher.Assignment split, StagedRows rows, Tally tally, Runnable release) {
    Runnable both =
        () -> {
          release.run();
          dispatcher.released(split);
        };
    boolean late;
    synchronized (this) {
      late = split.ordinal() < first;
      if (!late) {
        waiting.put(split.ordinal(), new FinishedSplit(split.split(), rows, tally, both));
        notifyAll();
      }
    }
    if (late) {
      both.run();
    }
  }

  @Override
  public synchronized FinishedSplit take(int pass, int split) throws InterruptedException {
    int ordinal = pass * count + split;
    while (true) {
      FinishedSplit finished = waiting.remove(ordinal);
      if (finished != null) {
        return finished;
      }
      wait();
    }
  }

  @Override
  public void endPass(int pass) {
    dispatcher.skipTo(member, (pass + 1) * count);
    Map<Integer, FinishedSplit> unused;
    synchronized (this) {
      first = (pass + 1) * count;
      unused = new HashMap<>(waiting);
      unused.keySet().removeIf(ordinal -> ordinal >= first);
      waiting.keySet().removeAll(unused.keySet());
    }
    unused.values().forEach(split -> split.release().run());
  }
}
