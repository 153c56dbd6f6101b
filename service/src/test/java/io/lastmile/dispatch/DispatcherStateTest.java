package io.lastmile.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dispatch.DispatcherState.Event;
import io.lastmile.dispatch.DispatcherState.Mode;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Splits are assigned in order within the budget, and the lowest unfinished one always runs. */
class DispatcherStateTest {
  @Test
  void splitsAreAssignedInOrderWhileThereIsRoom() {
    DispatcherState state = DispatcherState.starting(3, 6, 100);
    assertThat(state.assignable(60)).isEqualTo(Mode.STAGED);
    state = state.apply(new Event.Assigned(60));
    assertThat(state.next()).isEqualTo(4);
    assertThat(state.assignable(60)).isNull();
    assertThat(state.assignable(40)).isEqualTo(Mode.STAGED);
    state = state.apply(new Event.Appended(3));
    assertThat(state.assignable(60)).isEqualTo(Mode.STAGED);
  }

  @Test
  void aSplitWithoutRoomIsStreamedWhenNoOtherRuns() {
    DispatcherState state = DispatcherState.starting(0, 2, 100);
    assertThat(state.assignable(101)).isEqualTo(Mode.STREAMED);
    state = state.apply(new Event.Assigned(101));
    assertThat(state.reserved()).isEqualTo(Map.of(0, 0L));
    assertThat(state.assignable(100)).isEqualTo(Mode.STAGED);
    assertThat(state.assignable(101)).isNull();
  }

  @Test
  void moreIsReservedOnlyWhileThereIsRoom() {
    DispatcherState state = DispatcherState.starting(0, 2, 100).apply(new Event.Assigned(60));
    assertThat(state.extensible(41)).isFalse();
    state = state.apply(new Event.Extended(0, 40));
    assertThat(state.extensible(1)).isFalse();
    assertThat(state.apply(new Event.Appended(0)).extensible(100)).isTrue();
  }

  @Test
  void splitsThatAreNotNeededAreSkipped() {
    DispatcherState state = DispatcherState.starting(0, 9, 100).apply(new Event.Assigned(60));
    state = state.apply(new Event.Skipped(4));
    assertThat(state.next()).isEqualTo(4);
    assertThat(state.used()).isEqualTo(60);
    assertThat(state.apply(new Event.Skipped(2)).next()).isEqualTo(4);
    assertThat(state.apply(new Event.Skipped(10)).exhausted()).isTrue();
  }

  @Test
  void nothingIsLeftBehindTheLastSplit() {
    DispatcherState state = DispatcherState.starting(1, 2, 100).apply(new Event.Assigned(1));
    assertThat(state.exhausted()).isTrue();
    assertThat(state.assignable(0)).isNull();
  }

  /** Any order in which splits end leads to the end, without ever exceeding the budget. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void everySplitRunsWhateverItsSize(long seed) {
    Random random = new Random(seed);
    int end = 200;
    long budget = 1000;
    DispatcherState state = DispatcherState.starting(0, end, budget);
    Map<Integer, Long> running = new HashMap<>();
    while (!state.exhausted() || !running.isEmpty()) {
      long bytes = random.nextLong(1500);
      Mode mode = state.assignable(bytes);
      if (mode != null) {
        running.put(state.next(), mode == Mode.STAGED ? bytes : 0L);
        state = state.apply(new Event.Assigned(bytes));
      } else {
        assertThat(running).isNotEmpty();
      }
      assertThat(state.reserved()).isEqualTo(running);
      assertThat(running.values().stream().mapToLong(Long::longValue).sum())
          .isLessThanOrEqualTo(budget);
      if (!running.isEmpty() && random.nextBoolean()) {
        int done = running.keySet().stream().min(Integer::compare).orElseThrow();
        running.remove(done);
        state = state.apply(new Event.Appended(done));
      }
    }
    assertThat(state.next()).isEqualTo(end);
  }
}
