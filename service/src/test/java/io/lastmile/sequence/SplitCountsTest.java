package io.lastmile.sequence;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SplitCountsTest {
  @Test
  void countsBeginAtTheFirstSplitAndSkippedOnesAreNotKnown() {
    SplitCounts counts = new SplitCounts(7);
    assertThat(counts.since(7)).isEmpty();
    counts.add(7, 0);
    counts.add(8, 30);
    counts.add(11, 5);
    assertThat(counts.first()).isEqualTo(7);
    assertThat(counts.since(7)).containsExactly(0, 30, SplitCounts.UNKNOWN, SplitCounts.UNKNOWN, 5);
    assertThat(counts.since(11)).containsExactly(5);
    assertThat(counts.since(12)).isEmpty();
  }

  @Test
  void thereIsRoomForAnyNumber() {
    SplitCounts counts = new SplitCounts(0);
    for (int split = 0; split < 1000; split++) {
      counts.add(split, split);
    }
    counts.add(100_000, 1);
    assertThat(counts.since(999)).hasSize(100_000 - 999 + 1).startsWith(999, -1).endsWith(-1, 1);
  }
}
