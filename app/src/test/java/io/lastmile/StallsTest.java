package io.lastmile;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.feed.RankLife;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class StallsTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private final Stalls stalls = new Stalls(2, Duration.ofSeconds(10));

  private static RankLife steps(long signs) {
    return new RankLife(signs, false);
  }

  private static RankLife waits(long signs) {
    return new RankLife(signs, true);
  }

  private List<Integer> after(int seconds, RankLife first, RankLife second) {
    List<Integer> stalled = List.of();
    for (int i = 0; i < seconds && stalled.isEmpty(); i++) {
      stalled = stalls.observe(List.of(first, second), SECOND);
    }
    return stalled;
  }

  @Test
  void aRankThatNeverShowsUpHasStalled() {
    assertThat(after(10, steps(0), steps(0))).isEmpty();
    assertThat(after(1, steps(1), steps(0))).containsExactly(1);
  }

  @Test
  void everySignBeginsAnew() {
    for (int step = 0; step < 20; step++) {
      assertThat(after(9, steps(step), steps(step))).isEmpty();
    }
  }

  @Test
  void waitingForAFeedDoesNotCount() {
    assertThat(after(9, steps(1), steps(1))).isEmpty();
    assertThat(after(100, waits(1), waits(1))).isEmpty();
    assertThat(after(1, waits(1), steps(1))).isEmpty();
    assertThat(after(1, waits(1), steps(1))).containsExactly(1);
  }

  @Test
  void ranksThatWaitForEachOtherHaveStalledTogether() {
    assertThat(after(1, steps(1), steps(1))).isEmpty();
    assertThat(after(1, steps(1), steps(2))).isEmpty();
    assertThat(after(20, steps(1), steps(2))).containsExactly(0, 1);
  }

  @Test
  void aRankThatWentOnLongAgoHasNot() {
    assertThat(after(5, steps(1), steps(1))).isEmpty();
    assertThat(after(20, steps(1), steps(2))).containsExactly(0);
  }
}
