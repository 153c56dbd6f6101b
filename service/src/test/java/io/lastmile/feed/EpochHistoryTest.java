package io.lastmile.feed;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.feed.EpochProgress.Replay;
import io.lastmile.sequence.Counts;
import io.lastmile.sequence.DeliveredSplits;
import io.lastmile.sequence.Position;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What counts as trained twice, and from which row on an epoch is this job's. */
class EpochHistoryTest {
  private static final int EPOCH = 2;
  private static final int RANKS = 2;

  private Position now = at(0);
  private final EpochHistory history = begun(0, 0);

  private static Position at(long rows) {
    return at(EPOCH, rows);
  }

  private static Position at(int epoch, long rows) {
    Counts counts = new Counts(rows, List.of(), List.of(), rows, 0, null, Map.of());
    return new Position(
        "plan",
        epoch,
        rows / 10,
        rows,
        0,
        rows,
        List.of(),
        DeliveredSplits.NONE,
        List.of(),
        counts,
        rows,
        null);
  }

  private EpochHistory begun(long row, long from) {
    now = at(row);
    return EpochHistory.begun(at(row), () -> now, RANKS, from);
  }

  /** All ranks have taken so many rows, and go on elsewhere. */
  private void goTo(EpochHistory of, long taken, long row) {
    goTo(of, taken, taken, row);
  }

  private void goTo(EpochHistory of, long byAll, long most, long row) {
    of.goBack(at(row), most);
    now = at(row);
    of.begin(at(row), () -> now, RANKS, byAll, false);
  }

  private static void check(EpochHistory of, long from, long begun, Replay... replayed) {
    EpochProgress.History told = of.told();
    assertThat(told.replayed()).containsExactly(replayed);
    assertThat(told.from()).isEqualTo(from);
    assertThat(told.begun()).isEqualTo(begun);
  }

  @Test
  void anEpochThatIsBegunOnceHasNoReplay() {
    now = at(120);
    check(history, 0, 0);
    assertThat(history.sent()).isEqualTo(at(120));
    assertThat(history.before()).isEqualTo(at(0));
    assertThat(history.told().digest()).isEqualTo(120);
  }

  @Test
  void whatWasTakenBehindThePositionIsReplayed() {
    goTo(history, 100, 40);
    check(history, 0, 40, new Replay(40, 100));
    goTo(history, 60, 10);
    check(history, 0, 10, new Replay(40, 100), new Replay(10, 60));
  }

  @Test
  void whatOnlyTheFurthestRankTookIsReplayedToo() {
    goTo(history, 80, 100, 40);
    check(history, 0, 40, new Replay(40, 100));
  }

  @Test
  void untilItIsBegunAgainThePositionIsWhatAllHaveTaken() {
    history.goBack(at(40), 100);
    assertThat(history.before()).isEqualTo(at(40));
    assertThat(history.taken()).isZero();
  }

  @Test
  void ranksThatGoToAnEarlierEpochReplayAllOfIt() {
    history.goBack(at(EPOCH - 1, 70), 100);
    check(history, 0, 0, new Replay(0, 100));
    assertThat(history.before()).isEqualTo(at(0));
  }

  @Test
  void ofAnEpochThatNobodyHadTakenAnyOfNothingIsReplayed() {
    history.goBack(at(EPOCH - 1, 70), 0);
    check(history, 0, 0);
  }

  @Test
  void whoGoesOnWhereTheyWereReplaysNothing() {
    goTo(history, 100, 100);
    check(history, 0, 100);
  }

  @Test
  void whoGoesBackTakesNothingAndGoesForwardAgainHasReplayedTheRestOnly() {
    goTo(history, 100, 40);
    goTo(history, 40, 70);
    check(history, 0, 70, new Replay(70, 100));
  }

  @Test
  void whoReturnsToWhereTheyWereHasReplayedNothing() {
    goTo(history, 100, 40);
    goTo(history, 40, 100);
    check(history, 0, 100);
  }

  @Test
  void whoTookSomethingBeforeTheyReturnLeavesAGap() {
    goTo(history, 100, 40);
    goTo(history, 50, 70);
    check(history, 70, 70, new Replay(40, 100));
  }

  @Test
  void behindAllThatWasTakenTheRowsAreAnotherJobs() {
    goTo(history, 100, 40);
    goTo(history, 40, 120);
    check(history, 120, 120, new Replay(40, 100));
  }

  @Test
  void atAPositionThatSomeRankHadNotComeToThereIsAGap() {
    goTo(history, 80, 100, 100);
    check(history, 100, 100);
  }

  @Test
  void whenMoreMayHaveBeenTakenThanIsKnownThereIsNone() {
    history.goBack(at(100), 80);
    history.begin(at(100), () -> now, RANKS, 80, true);
    check(history, 0, 100);
  }

  @Test
  void rowsOfAnotherJobAreNotReplayedButDeliveredFromNowOn() {
    EpochHistory later = begun(50, 50);
    goTo(later, 90, 20);
    check(later, 20, 20, new Replay(50, 90));
  }

  @Test
  void ranksThatHaveGoneLeaveWhatTheyHadTaken() {
    now = at(120);
    history.end();
    history.settle(at(90), 100);
    history.leave();
    now = at(200);
    assertThat(history.sent()).isEqualTo(at(120));
    assertThat(history.before()).isEqualTo(at(90));
    assertThat(history.taken()).isEqualTo(100);
    assertThat(history.ended()).isTrue();
    goTo(history, 90, history.taken(), 40);
    assertThat(history.ended()).isFalse();
    assertThat(history.taken()).isZero();
    check(history, 0, 40, new Replay(40, 100));
  }

  @Test
  void theTreeHasAllOfIt() {
    goTo(history, 100, 40);
    now = at(60);
    assertThat(history.tree(at(50), 55))
        .containsEntry("from_row", 0L)
        .containsEntry("start", at(40).tree())
        .containsEntry("sent", at(60).tree())
        .containsEntry("taken_by_all", at(50).tree())
        .containsEntry("rows_taken", 55L)
        .containsEntry("ranks", (long) RANKS)
        .containsEntry("ended", false)
        .containsEntry("replayed", List.of(List.of(40L, 100L)));
  }
}
