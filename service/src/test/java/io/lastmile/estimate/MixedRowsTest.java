package io.lastmile.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Mix;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class MixedRowsTest {
  private static final Offset<Double> NEAR = Offset.offset(1e-9);

  private static MixedRows rows(Mix.OnDry onDry, double ratio, Interval a, Interval b) {
    return rows(onDry, ratio, a, b, MixedRows.Sources.APART);
  }

  private static MixedRows rows(
      Mix.OnDry onDry, double ratio, Interval a, Interval b, MixedRows.Sources sources) {
    Mix mix = Mix.of(Mix.part("a", ratio), Mix.part("b", 1 - ratio)).onDry(onDry);
    return new MixedRows(mix, List.of(a, b), sources);
  }

  @Test
  void theRestIsTheSum() {
    Interval a = new Interval(100, 97L, 108L);
    Interval b = new Interval(50, 46L, 56L);
    assertThat(rows(Mix.OnDry.REST, 0.5, a, b).total()).isEqualTo(new Interval(150, 145L, 160L));
    assertThat(rows(Mix.OnDry.REST, 0.5, a, b, MixedRows.Sources.SHARED).total())
        .isEqualTo(new Interval(150, 143L, 164L));
    assertThat(rows(Mix.OnDry.REST, 0.5, Interval.exactly(7), Interval.exactly(0)).total())
        .isEqualTo(Interval.exactly(7));
  }

  /** 101 / 0.5 - 1 = 201 rows; 1.96 · √(101 · 0.5) / 0.5 = 27.9. */
  @Test
  void theFirstAndTheLastThatIsFoundDryEndTheEpoch() {
    Interval a = Interval.exactly(100);
    Interval b = Interval.exactly(1000);
    assertThat(rows(Mix.OnDry.STOP, 0.5, a, b).total()).isEqualTo(new Interval(201, 173L, 229L));
    assertThat(rows(Mix.OnDry.REPEAT, 0.5, b, a).total())
        .isEqualTo(new Interval(2001, 1913L, 2089L));
    // The half-widths of the rows over the ratio, 40 and 20, add to it.
    assertThat(rows(Mix.OnDry.STOP, 0.5, new Interval(100, 80L, 110L), b).total())
        .isEqualTo(new Interval(201, 152L, 236L));
  }

  @Test
  void noMoreRowsThanThereAreAndNoFewer() {
    Interval same = Interval.exactly(100);
    assertThat(rows(Mix.OnDry.STOP, 0.5, same, same).total())
        .isEqualTo(new Interval(200, 173L, 200L));
    assertThat(rows(Mix.OnDry.REPEAT, 0.5, same, same).total())
        .isEqualTo(new Interval(201, 200L, 229L));
  }

  @Test
  void aDatasetWithoutRowsEndsItAtOnce() {
    assertThat(rows(Mix.OnDry.STOP, 0.5, Interval.exactly(0), Interval.exactly(1000)).total())
        .isEqualTo(new Interval(1, 0L, 4L));
  }

  @Test
  void whatIsUnboundedMakesAllSo() {
    Interval unbounded = Interval.unbounded(100);
    for (Mix.OnDry onDry : Mix.OnDry.values()) {
      Interval total = rows(onDry, 0.5, unbounded, Interval.exactly(1000)).total();
      assertThat(total.low()).isNull();
      assertThat(total.high()).isNull();
    }
  }

  @Test
  void rowsAreTakenByRatioUntilThereIsNone() {
    Interval a = Interval.exactly(100);
    Interval b = Interval.exactly(1000);
    Interval all = Interval.exactly(1100);
    assertThat(rows(Mix.OnDry.REST, 0.5, a, b).taken(Interval.exactly(150)))
        .containsExactly(new double[] {75, 75}, NEAR);
    assertThat(rows(Mix.OnDry.REST, 0.5, a, b).taken(Interval.exactly(500)))
        .containsExactly(new double[] {100, 400}, NEAR);
    assertThat(rows(Mix.OnDry.REST, 0.5, a, b).taken(all))
        .containsExactly(new double[] {100, 1000}, NEAR);
    assertThat(rows(Mix.OnDry.REPEAT, 0.75, a, b).taken(Interval.exactly(400)))
        .containsExactly(new double[] {300, 100}, NEAR);
  }
}
