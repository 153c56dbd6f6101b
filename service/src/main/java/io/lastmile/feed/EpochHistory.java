package io.lastmile.feed;

import io.lastmile.plan.FeedPlan;
import io.lastmile.sequence.Position;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An epoch of a feed, which may be begun more than once, also by ranks that come after those that
 * began it. Used under the lock of its session.
 */
final class EpochHistory {
  private final List<EpochProgress.Replay> replayed = new ArrayList<>();

  /** How far it is sent by those that now deliver it; null: nobody does any more. */
  private @Nullable Supplier<Position> delivery;

  /** How far it was sent, where nobody delivers it any more. */
  private Position sent;

  private Position start;

  /** What all ranks that began it and went on or have gone had taken; null: they are at it. */
  private @Nullable Position settled;

  /** Rows of it that the furthest of those ranks had taken. */
  private long taken;

  /** Ranks that shared it the last time. */
  private int ranks;

  /** The first row of those, up to the last that was taken, that this job delivered. */
  private long from;

  private boolean ended;

  private EpochHistory(
      Position start, @Nullable Supplier<Position> delivery, int ranks, long from) {
    this.sent = start;
    this.start = start;
    this.delivery = delivery;
    this.ranks = ranks;
    this.from = from;
  }

  /**
   * An epoch that is begun for the first time.
   *
   * @param delivery how far it is sent
   * @param from first row that this job delivered, at most where it starts
   */
  static EpochHistory begun(Position start, Supplier<Position> delivery, int ranks, long from) {
    return new EpochHistory(start, delivery, ranks, from);
  }

  /** The position after the last step of it that was sent. */
  Position sent() {
    return delivery == null ? sent : delivery.get();
  }

  /** The position after the steps that had been taken before those that are now sent. */
  Position before() {
    return settled == null ? start : settled;
  }

  /** Rows of it that ranks had taken, which went on or have gone since. */
  long taken() {
    return taken;
  }

  int ranks() {
    return ranks;
  }

  /**
   * Ranks go back to a position of it or of an earlier epoch; what was taken behind that is not
   * going to count.
   *
   * @param most rows of it that were taken
   */
  void goBack(Position to, long most) {
    boolean here = to.epoch() == start.epoch();
    long first = Math.max(here ? to.rows() : 0, from);
    long end = Math.max(most, start.rows());
    if (end > first) {
      replayed.add(new EpochProgress.Replay(first, end));
    }
    taken = 0;
    settled = here ? to : null;
  }

  /**
   * Ranks go on behind it, or have gone. Those that go on behind its end have taken all of it.
   *
   * @param all the position after the steps that all of them had taken
   * @param most rows of it that were taken
   */
  void settle(Position all, long most) {
    settled = all;
    taken = most;
  }

  /** Nobody delivers it any more. */
  void leave() {
    sent = sent();
    delivery = null;
  }

  /**
   * It is begun again.
   *
   * @param rows how far it is sent from now on
   * @param all rows of it that all ranks had taken before they went where they begin
   * @param lost whether more may have been taken than is known
   */
  void begin(Position again, Supplier<Position> rows, int sharers, long all, boolean lost) {
    long end = Math.max(Math.max(all, start.rows()), returned(again.rows(), all));
    boolean elsewhere = again.rows() < from || (again.rows() > end && !lost);
    from = elsewhere ? again.rows() : from;
    start = again;
    delivery = rows;
    ranks = sharers;
    settled = null;
    taken = 0;
    ended = false;
  }

  /** Ranks that went back, took nothing and go forward again have not taken those rows twice. */
  private long returned(long row, long all) {
    EpochProgress.Replay last = replayed.isEmpty() ? null : replayed.getLast();
    if (last == null || all > start.rows() || last.from() != start.rows() || row > last.to()) {
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
    Position at = sent();
    return new EpochProgress.History(from, start.rows(), at.digest(), at.values(), replayed);
  }

  /**
   * All of it, as a tree of JSON.
   *
   * @param all the position after the steps that all ranks have taken
   * @param most rows of it that were taken
   */
  Map<String, Object> tree(Position all, long most) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("from_row", from);
    tree.put("start", start.tree());
    tree.put("sent", sent().tree());
    tree.put("taken_by_all", all.tree());
    tree.put("rows_taken", most);
    tree.put("ranks", (long) ranks);
    tree.put("ended", ended);
    tree.put(
        "replayed", replayed.stream().map(replay -> List.of(replay.from(), replay.to())).toList());
    return tree;
  }

  /**
   * An epoch of ranks that have gone.
   *
   * @throws ClassCastException when the tree is none of an epoch
   * @throws io.lastmile.error.LastmileException when it is of another plan
   */
  static EpochHistory of(Map<?, ?> tree, FeedPlan plan) {
    EpochHistory history =
        new EpochHistory(
            Position.kept(Tree.map(tree.get("start")), plan),
            null,
            Math.toIntExact(Tree.number(tree.get("ranks"))),
            Tree.number(tree.get("from_row")));
    history.sent = Position.kept(Tree.map(tree.get("sent")), plan);
    history.settle(
        Position.kept(Tree.map(tree.get("taken_by_all")), plan),
        Tree.number(tree.get("rows_taken")));
    history.ended = Boolean.TRUE.equals(tree.get("ended"));
    for (Object replay : Tree.list(tree.get("replayed"))) {
      List<?> rows = Tree.list(replay);
      history.replayed.add(
          new EpochProgress.Replay(Tree.number(rows.getFirst()), Tree.number(rows.getLast())));
    }
    return history;
  }
}
