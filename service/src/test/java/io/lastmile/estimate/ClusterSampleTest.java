package io.lastmile.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Intervals that were computed by hand. */
class ClusterSampleTest {
  private static double[] numbers(double... numbers) {
    return numbers;
  }

  private static Interval total(
      int clusters, double total, double[] sizes, double[] values, @Nullable Double most) {
    return new ClusterSample(clusters, total, 10, sizes).total(values, most);
  }

  @Test
  void aRatioAndItsError() {
    // r = 12/40, s² = (1 + 1 + 0)/2, X/x̄ = 9.75, error = 9.75 √(0.7/3) = 4.7097, t(2) = 4.302653
    double[] sizes = numbers(10, 10, 20);
    double[] values = numbers(2, 4, 6);
    assertThat(total(10, 130, sizes, values, 1.0)).isEqualTo(new Interval(39, 18L, 60L));
    assertThat(total(10, 130, sizes, values, null)).isEqualTo(new Interval(39, 18L, 60L));
  }

  @Test
  void moreClustersThatWereDrawnLeaveLessToBeUnsureOf() {
    // As before with N = 4, X = 50: X/x̄ = 3.75, error = 3.75 √(0.25/3) = 1.0825, margin 4.6577
    assertThat(total(4, 50, numbers(10, 10, 20), numbers(2, 4, 6), null))
        .isEqualTo(new Interval(15, 12L, 20L));
  }

  @Test
  void boundsRespectWhatIsKnown() {
    // The margin is 2 · 12.706 · √(0.5 · 50 / 2) = 89.8: what was seen is there, and no more can
    // be.
    assertThat(total(4, 40, numbers(10, 10), numbers(0, 10), 1.0))
        .isEqualTo(new Interval(20, 10L, 30L));
    assertThat(total(4, 40, numbers(10, 10), numbers(0, 10), null))
        .isEqualTo(new Interval(20, 10L, 200L));
  }

  @Test
  void allOfThemAreExact() {
    Interval all = total(3, 40, numbers(10, 10, 20), numbers(2, 4, 6), 1.0);
    assertThat(all).isEqualTo(Interval.exactly(12));
    assertThat(all.exact()).isTrue();
    assertThat(total(0, 0, numbers(), numbers(), 1.0)).isEqualTo(Interval.exactly(0));
  }

  @Test
  void oneTellsNoError() {
    assertThat(total(5, 50, numbers(10), numbers(3), 1.0)).isEqualTo(new Interval(15, null, null));
  }

  @Test
  void alikeTheyOnlySayThatFewAreOtherwise() {
    // 15 of the 20 may be otherwise: with 5 that are alike C(5, 2)/C(20, 2) = 0.053, with 4 0.032.
    assertThat(total(20, 200, numbers(10, 10), numbers(5, 5), 1.0))
        .isEqualTo(new Interval(100, 25L, 175L));
    assertThat(total(20, 200, numbers(10, 10), numbers(0, 0), 1.0))
        .isEqualTo(new Interval(0, 0L, 150L));
    assertThat(total(20, 200, numbers(10, 10), numbers(10, 10), 1.0))
        .isEqualTo(new Interval(200, 50L, 200L));
    assertThat(total(20, 200, numbers(10, 10), numbers(5, 5), null))
        .isEqualTo(new Interval(100, null, null));
  }

  @Test
  void moreThanThereAreCannotBeDrawn() {
    assertThatThrownBy(() -> new ClusterSample(1, 20, 0, numbers(10, 10)))
        .hasMessage("2 of 1 clusters");
  }
}
