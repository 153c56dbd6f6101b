package io.lastmile.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class IntervalTest {
  @Test
  void boundsAreRoundedAwayFromTheEstimate() {
    assertThat(Interval.of(10.4, 8.9, 12.1)).isEqualTo(new Interval(10, 7L, 13L));
    assertThat(Interval.of(10.4, 5.9, 12.1)).isEqualTo(new Interval(10, 5L, 13L));
    assertThat(Interval.of(10.4, 10, 10.9)).isEqualTo(new Interval(10, 10L, 11L));
    assertThat(Interval.of(10, 9.000000000001, 11.000000000001))
        .isEqualTo(new Interval(10, 9L, 11L));
  }

  @Test
  void itHoldsWhatLiesWithinItsBounds() {
    Interval interval = new Interval(10, 8L, 13L);
    assertThat(interval.holds(8)).isTrue();
    assertThat(interval.holds(13)).isTrue();
    assertThat(interval.holds(7)).isFalse();
    assertThat(interval.holds(14)).isFalse();
    assertThat(new Interval(10, null, null).holds(10)).isNull();
    assertThat(interval.exact()).isFalse();
    assertThat(new Interval(10, null, null).exact()).isFalse();
    assertThat(Interval.exactly(10).exact()).isTrue();
  }

  @Test
  void stepsAreRoundedUp() {
    assertThat(Estimate.steps(new Interval(100, 91L, 111L), 2, 5))
        .isEqualTo(new Interval(10, 10L, 12L));
    assertThat(Estimate.steps(Interval.exactly(0), 2, 5)).isEqualTo(Interval.exactly(0));
    assertThat(Estimate.steps(new Interval(100, null, null), 2, 5))
        .isEqualTo(new Interval(10, null, null));
    assertThat(new StoredEstimate(Interval.exactly(101), null, null, true, true).steps(10))
        .isEqualTo(Interval.exactly(11));
  }

  @Test
  void workersForATrainer() {
    Speed speed = new Speed(2, 4, 1_000, 300);
    assertThat(speed.rowsPerSecondOfOne()).isEqualTo(150);
    assertThat(speed.workersFor(300)).isEqualTo(2);
    assertThat(speed.workersFor(301)).isEqualTo(3);
    assertThat(new Speed(2, 4, 1_000, 0).workersFor(301)).isZero();
  }
}
