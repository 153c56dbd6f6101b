package io.lastmile.worker;

import io.lastmile.dispatch.Member;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.Position;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;

/**
 * Splits that an epoch has finished, and whose rows it has not delivered when it was stopped. They
 * are for a run of the same epoch of the same plan; those that it does not take are freed, once,
 * whoever asks for it. Any thread.
 */
public final class WarmSplits implements AutoCloseable {
  private final int epoch;

  /** Of each member, by ordinal; none when closed. Guarded by this. */
  private final List<Map<Integer, FinishedSplit>> members = new ArrayList<>();

  WarmSplits(int epoch, List<Map<Integer, FinishedSplit>> members) {
    this.epoch = epoch;
    members.forEach(splits -> this.members.add(whole(splits)));
  }

  /** Without those of which rows have streamed into the sequence, and do not wait any more. */
  private static Map<Integer, FinishedSplit> whole(Map<Integer, FinishedSplit> splits) {
    Map<Integer, FinishedSplit> whole = new TreeMap<>();
    splits.forEach((ordinal, split) -> {
      if (split.rows().rows() == split.tally().kept()) {
        whole.put(ordinal, split);
      } else {
        split.release().run();
      }
    });
    return whole;
  }

  /** No splits. */
  public static WarmSplits none() {
    return new WarmSplits(-1, List.of());
  }

  /**
   * Takes the splits of a member that a run needs: in the pass in which it begins, and so many that
   * the largest other split has room beside them. Of a split that it begins amid, what it leaves
   * out must be what was left out of its first rows.
   *
   * @param number that the member has for a split, by its ordinal; negative: it does not need it
   */
  synchronized Map<Integer, FinishedSplit> take(
      Position start, int index, Member member, IntUnaryOperator number) {
    Map<Integer, FinishedSplit> taken = new HashMap<>();
    if (start.epoch() != epoch
        || members.isEmpty()
        || members.get(index).isEmpty()
        || member.first() == member.end()) {
      return taken;
    }
    int pass = member.first() / member.count();
    long room =
        member.budget()
            - member.splits().apply(pass).stream().mapToLong(member.stagingBytes()).max().orElse(0);
    Map<Integer, FinishedSplit> kept = members.get(index);
    for (Map.Entry<Integer, FinishedSplit> split : List.copyOf(kept.entrySet())) {
      long bytes = split.getValue().rows().bytes();
      int ordinal = number.applyAsInt(split.getKey());
      boolean needed =
          ordinal > member.first()
              || (ordinal == member.first()
                  && split.getValue().skipped().equals(start.skipped(index)));
      if (needed && ordinal / member.count() == pass && bytes <= room) {
        room -= bytes;
        taken.put(ordinal, split.getValue());
        kept.remove(split.getKey());
      }
    }
    return taken;
  }

  /** How many there are. */
  public synchronized int count() {
    return members.stream().mapToInt(Map::size).sum();
  }

  /** Frees those that nobody has taken. Idempotent. */
  @Override
  public synchronized void close() {
    members.forEach(splits -> splits.values().forEach(split -> split.release().run()));
    members.clear();
  }
}
