package io.lastmile.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against printed tables. */
class StudentTTest {
  @ParameterizedTest
  @CsvSource({
    "0.95, 1, 12.706205",
    "0.95, 2, 4.302653",
    "0.95, 3, 3.182446",
    "0.95, 4, 2.776445",
    "0.95, 9, 2.262157",
    "0.95, 30, 2.042272",
    "0.95, 120, 1.979930",
    "0.95, 100000, 1.959988",
    "0.5, 1, 1",
    "0.99, 5, 4.032143"
  })
  void quantiles(double level, int degrees, double expected) {
    assertThat(StudentT.quantile(level, degrees)).isCloseTo(expected, within(1e-6));
  }
}
