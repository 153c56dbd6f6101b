package io.lastmile.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dispatch.DispatcherState.Event;
import io.lastmile.dispatch.DispatcherState.Mode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Splits are assigned in order within the budget, and the lowest unfinished one always runs. */
class DispatcherStateTest {
  private static final long SECOND = 1_000_000_000;

  @Test
  void splitsAreAssignedInOrderWhileThereIsRoom() {
    DispatcherState state = DispatcherState.starting(3, 6, 9, 100);
    assertThat(state.assignable(60)).isEqualTo(Mode.STAGED);
    state = state.apply(new Event.Assigned(0, 60));
    assertThat(state.next()).isEqualTo(4);
    assertThat(state.assignable(60)).isNull();
    assertThat(state.assignable(40)).isEqualTo(Mode.STAGED);
    state = state.apply(new Event.Appended(3));
    assertThat(state.assignable(60)).isEqualTo(Mode.STAGED);
  }

  @Test
  void aSplitWithoutRoomIsStreamedWhenNoOtherRuns() {
    DispatcherState state = DispatcherState.starting(0, 2, 9, 100);
    assertThat(state.assignable(101)).isEqualTo(Mode.STREAMED);
    state = state.apply(new Event.Assigned(0, 101));
    assertThat(state.used()).isZero();
    assertThat(state.assignable(100)).isEqualTo(Mode.STAGED);
    assertThat(state.assignable(101)).isNull();
  }

  @Test
  void moreIsReservedOnlyWhileThereIsRoom() {
    DispatcherState state = DispatcherState.starting(0, 2, 9, 100).apply(new Event.Assigned(0, 60));
    assertThat(state.extensible(0, 41)).isFalse();
    state = state.apply(new Event.Extended(new Lease(0, 0, 0), 40));
    assertThat(state.extensible(0, 1)).isFalse();
    assertThat(state.apply(new Event.Appended(0)).extensible(1, 100)).isTrue();
  }

  @Test
  void splitsThatAreNotNeededAreSkipped() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    state = state.apply(new Event.Assigned(0, 60)).apply(new Event.Finished(lease(0, 0), 1));
    state = state.apply(new Event.Assigned(0, 30)).apply(new Event.Skipped(4));
    assertThat(state.next()).isEqualTo(4);
    assertThat(state.used()).isEqualTo(60);
    assertThat(state.holds(lease(1, 0))).isFalse();
    assertThat(state.extensible(5, 11)).isFalse();
    assertThat(state.apply(new Event.Returned(lease(1, 0))).extensible(5, 40)).isTrue();
    assertThat(state.apply(new Event.Skipped(2)).next()).isEqualTo(4);
    assertThat(state.apply(new Event.Skipped(10)).exhausted()).isTrue();
  }

  @Test
  void inTheOrderOfArrivalAFinishedSplitOfTheWindowIsNext() {
    Turns turns = new Turns(3, List.of(4, 5, 6, 7));
    DispatcherState state = DispatcherState.starting(turns, -1, 0, 4, 9, 100, Map.of());
    for (int ordinal = 0; ordinal < 4; ordinal++) {
      state = state.apply(new Event.Assigned(0, 10));
    }
    state = state.apply(new Event.Finished(lease(3, 0), 1));
    assertThat(state.appendable()).as("too far ahead").isNull();
    assertThat(state.enterable(lease(1, 0))).as("not finished").isFalse();
    assertThat(state.enterable(lease(0, 0))).as("the lowest").isTrue();
    state = state.apply(new Event.Finished(lease(2, 0), 1));
    assertThat(state.appendable()).isEqualTo(lease(2, 0));
    state = state.apply(new Event.Entered(lease(2, 0))).apply(new Event.Left(lease(2, 0)));
    assertThat(state.enterable(lease(0, 0))).as("another is begun").isFalse();
    state = state.apply(new Event.Appended(2));
    assertThat(state.enterable(lease(0, 0))).isTrue();
    assertThat(state.turn()).isZero();
    state = state.apply(new Event.Entered(lease(0, 0))).apply(new Event.Left(lease(0, 0)));
    state = state.apply(new Event.Finished(lease(0, 0), 1)).apply(new Event.Appended(0));
    assertThat(state.turn()).isEqualTo(1);
    assertThat(state.appendable()).isEqualTo(lease(3, 0));
  }

  @Test
  void aSplitThatIsBegunIsNextWhateverElseIsFinished() {
    Turns turns = new Turns(8, List.of(2, 0, 1));
    DispatcherState state = DispatcherState.starting(turns, 0, 0, 3, 9, 100, Map.of(1, 10L));
    assertThat(state.appendable()).isNull();
    state = state.apply(new Event.Assigned(0, 10)).apply(new Event.Finished(lease(0, 0), 1));
    assertThat(state.appendable()).isEqualTo(lease(0, 0));
    assertThat(state.apply(new Event.Appended(0)).appendable()).isEqualTo(Lease.warm(1));
  }

  @Test
  void nothingIsLeftBehindTheLastSplit() {
    DispatcherState state = DispatcherState.starting(1, 2, 9, 100).apply(new Event.Assigned(0, 1));
    assertThat(state.exhausted()).isTrue();
    assertThat(state.complete()).isFalse();
    assertThat(state.assignable(0)).isNull();
    assertThat(state.apply(new Event.Finished(lease(1, 0), 1)).complete()).isTrue();
  }

  @Test
  void onlySoManySplitsAreAssignedAheadOfTheSequence() {
    DispatcherState state = DispatcherState.starting(0, 9, 2, 100);
    state = state.apply(new Event.Assigned(0, 1)).apply(new Event.Assigned(1, 1));
    assertThat(state.assignable(1)).isNull();
    state = state.apply(new Event.Finished(lease(1, 0, 1), 1));
    assertThat(state.assignable(1)).isNull();
    state = state.apply(new Event.Finished(lease(0, 0), 1)).apply(new Event.Appended(0));
    assertThat(state.assignable(1)).isEqualTo(Mode.STAGED);
  }

  @Test
  void aSplitThatFailedKeepsItsRoomAndGoesToAnotherWorker() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    state = state.apply(new Event.Assigned(0, 60)).apply(new Event.Failed(lease(0, 0)));
    assertThat(state.used()).isEqualTo(60);
    assertThat(state.assignable(60)).isNull();
    assertThat(state.repeatable(0, true)).isEqualTo(-1);
    assertThat(state.repeatable(0, false)).isZero();
    assertThat(state.repeatable(1, true)).isZero();
    state = state.apply(new Event.Repeated(0, 1));
    assertThat(state.repeatable(2, false)).isEqualTo(-1);
    assertThat(state.holds(lease(0, 1, 1))).isTrue();
    assertThat(state.failures(0)).isEqualTo(1);
    assertThat(state.used()).isEqualTo(60);
  }

  @Test
  void aRunThatIsGivenUpHoldsItsMemoryOnTopOfTheBudgetUntilItReturns() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    state = state.apply(new Event.Assigned(0, 60)).apply(new Event.Expired(lease(0, 0)));
    assertThat(state.holds(lease(0, 0))).isFalse();
    assertThat(state.repeatable(1, false)).isZero();
    state = state.apply(new Event.Repeated(0, 1));
    assertThat(state.extensible(1, 1)).isFalse();
    assertThat(state.extensible(0, 40)).isTrue();
    DispatcherState late = state.apply(new Event.Finished(lease(0, 0), 1));
    assertThat(late).isEqualTo(state);
    assertThat(state.apply(new Event.Returned(lease(0, 0))).extensible(1, 40)).isTrue();
  }

  @Test
  void theLowestSplitIsRunTwiceWhenItTakesMuchLongerThanOthers() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    for (int worker = 0; worker < 4; worker++) {
      state = state.apply(new Event.Assigned(worker, 10));
    }
    assertThat(state.patienceNanos()).isEqualTo(Long.MAX_VALUE);
    for (int ordinal = 1; ordinal < 4; ordinal++) {
      state = state.apply(new Event.Finished(lease(ordinal, 0, ordinal), ordinal * SECOND));
    }
    assertThat(state.blocking()).isEqualTo(lease(0, 0));
    assertThat(state.patienceNanos()).isEqualTo(6 * SECOND);
    DispatcherState twice = state.apply(new Event.Repeated(0, 1));
    assertThat(twice.blocking()).isNull();
    assertThat(twice.used()).isEqualTo(50);
    twice = twice.apply(new Event.Finished(lease(0, 1, 1), SECOND));
    assertThat(twice.holds(lease(0, 0))).isFalse();
    assertThat(twice.appendable()).isEqualTo(lease(0, 1, 1));
    assertThat(state.apply(new Event.Entered(lease(0, 0))).blocking()).isNull();
  }

  @Test
  void aSecondRunIsNotWorthLessThanASecondNorRoomThatOthersHave() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    state = state.apply(new Event.Assigned(0, 40));
    for (int ordinal = 1; ordinal < 4; ordinal++) {
      state = state.apply(new Event.Assigned(1, 10));
      state = state.apply(new Event.Finished(lease(ordinal, 0, 1), 5));
    }
    assertThat(state.patienceNanos()).isEqualTo(Long.MAX_VALUE);
    DispatcherState roomy = state.apply(new Event.Extended(lease(0, 0), -10));
    assertThat(roomy.patienceNanos()).isEqualTo(SECOND);
  }

  @Test
  void whoAppendsIsAlone() {
    DispatcherState state = DispatcherState.starting(0, 9, 9, 100);
    state = state.apply(new Event.Assigned(0, 10)).apply(new Event.Assigned(1, 10));
    assertThat(state.enterable(lease(1, 0, 1))).isFalse();
    state = state.apply(new Event.Entered(lease(0, 0)));
    assertThat(state.enterable(lease(0, 0))).isFalse();
    state = state.apply(new Event.Left(lease(0, 0)));
    assertThat(state.enterable(lease(0, 0))).isTrue();
  }

  @Test
  void splitsThatAreWarmAreNotRunAndHoldRoom() {
    DispatcherState state =
        DispatcherState.starting(Turns.IN_ORDER, -1, 0, 3, 9, 100, Map.of(0, 30L, 2, 60L));
    assertThat(state.appendable()).isEqualTo(Lease.warm(0));
    assertThat(state.next()).isEqualTo(1);
    assertThat(state.assignable(20)).isNull();
    state = state.apply(new Event.Appended(0));
    assertThat(state.assignable(50)).isEqualTo(Mode.STREAMED);
    state = state.apply(new Event.Assigned(0, 20));
    assertThat(state.exhausted()).isTrue();
    assertThat(state.complete()).isFalse();
  }

  private static Lease lease(int ordinal, int run) {
    return lease(ordinal, run, 0);
  }

  private static Lease lease(int ordinal, int run, int worker) {
    return new Lease(ordinal, run, worker);
  }
}
