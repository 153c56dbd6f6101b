package io.lastmile.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Steps of three ranks with batches of four rows, from row 10 and step 5 on. */
class StartTest {
  private static Start start(long toRow) {
    return new Start(null, 3, 4, 5, 10, toRow, List.of());
  }

  @Test
  void wholeSteps() {
    Start start = start(34);
    assertThat(start.toStep()).isEqualTo(7);
    assertThat(start.tookStep(4)).isFalse();
    assertThat(start.tookStep(6)).isTrue();
    assertThat(start.tookStep(7)).isFalse();
    assertThat(start.bounds(6)).containsExactly(0L, 4L, 8L, 12L);
    assertThat(start.use(10, false)).isEqualTo(new Use(5, 0, 0, false));
    assertThat(start.use(21, false)).isEqualTo(new Use(5, 2, 3, false));
    assertThat(start.use(22, true)).isEqualTo(new Use(6, 0, 0, true));
    assertThat(start.tookRow(9)).isFalse();
    assertThat(start.tookRow(33)).isTrue();
    assertThat(start.tookRow(34)).isFalse();
  }

  @Test
  void theLastStepIsDividedEvenly() {
    Start start = start(24);
    assertThat(start.toStep()).isEqualTo(7);
    assertThat(start.rowsOf(6)).isEqualTo(2);
    assertThat(start.bounds(6)).containsExactly(0L, 0L, 1L, 2L);
    assertThat(start.use(22, false)).isEqualTo(new Use(6, 1, 0, false));
    assertThat(start.use(23, false)).isEqualTo(new Use(6, 2, 0, false));
  }

  @Test
  void aRankThatHasTheFeedToItselfKeepsItsNumber() {
    Start alone = new Start(2, 1, 4, 0, 0, 8, List.of());
    assertThat(alone.use(5, false)).isEqualTo(new Use(1, 2, 1, false));
  }

  @Test
  void nothingTaken() {
    assertThat(start(10).toStep()).isEqualTo(5);
    assertThat(start(10).tookStep(5)).isFalse();
  }
}
