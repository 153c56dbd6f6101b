package io.lastmile.feed;

import io.lastmile.sequence.Counts;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.Sequence;
import java.util.ArrayList;
import java.util.List;

/** An epoch of a feed, which may be begun more than once. Used under the lock of its session. */
final class EpochHistory {
  private final List<EpochProgress.Replay> replayed = new ArrayList<>();
  private Sequence sequence;
  private Position start;

  /** The first row of those, up to the last that was taken, that this job delivered. */
  private long from;

  private boolean ended;

  /** An epoch that is begun for the first time. */
  EpochHistory(Position start, Sequence sequence) {
    this.start = start;
    this.sequence = sequence;
    this.from = start.rows();
  }

  /** Its rows as they are now delivered. */
  Sequence sequence() {
    return sequence;
  }

  /** What had become of its rows before they were begun the last time. */
  Counts before() {
    return start.counts();
  }

  /** Ranks go back to a row of it; what was taken behind that is not going to count. */
  void goBack(long row, long taken) {
    long first = Math.max(row, from);
    long end = Math.max(taken, start.rows());
    if (end > first) {
      replayed.add(new EpochProgress.Replay(first, end));
    }
  }

  /**
   * It is begun again.
   *
   * @param taken rows of it that the ranks had taken
   */
  void begin(Position again, Sequence rows, long taken) {
    long end = Math.max(Math.max(taken, start.rows()), returned(again.rows(), taken));
    from = again.rows() < from || again.rows() > end ? again.rows() : from;
    start = again;
    sequence = rows;
    ended = false;
  }

  /** Ranks that went back, took nothing and go forward again have not taken those rows twice. */
  private long returned(long row, long taken) {
    EpochProgress.Replay last = replayed.isEmpty() ? null : replayed.getLast();
    if (last == null || taken > start.rows() || last.from() != start.rows() || row > last.to()) {
      return 0;
    }
    replayed.removeLast();
    if (row < last.to()) {
      replayed.add(new EpochProgress.Replay(row, last.to()));
    }
    return row;
  }

  /** The last of its batches has been sent. */
  void end() {
    ended = true;
  }

  boolean ended() {
    return ended;
  }

  EpochProgress.History told() {
    Position at = sequence.position();
    return new EpochProgress.History(from, start.rows(), at.digest(), at.values(), replayed);
  }
}
