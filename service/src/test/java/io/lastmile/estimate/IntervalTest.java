package io.lastmile.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Dataset.LastStep;
import io.lastmile.dataset.Experiment;
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
    assertThat(steps(new Interval(100, 91L, 111L), LastStep.UNEVEN))
        .isEqualTo(new Interval(10, 10L, 12L));
    assertThat(steps(Interval.exactly(0), LastStep.PAD)).isEqualTo(Interval.exactly(0));
    assertThat(steps(new Interval(100, null, null), LastStep.PAD))
        .isEqualTo(new Interval(10, null, null));
  }

  @Test
  void stepsAreRoundedDownWhereTheLastIsDropped() {
    assertThat(steps(new Interval(100, 91L, 119L), LastStep.DROP))
        .isEqualTo(new Interval(10, 9L, 11L));
    assertThat(steps(Interval.exactly(9), LastStep.DROP)).isEqualTo(Interval.exactly(0));
  }

  private static Interval steps(Interval rows, LastStep lastStep) {
    Dataset dataset =
        Experiment.named("x")
            .dataset("a", Dataset.parquet("a").tensor("x", "x").batch(5).lastStep(lastStep))
            .build()
            .dataset("a");
    Interval steps = Estimate.steps(rows, 2, dataset);
    assertThat(new StoredEstimate(rows, null, null, true, true, lastStep).steps(10))
        .isEqualTo(steps);
    return steps;
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
