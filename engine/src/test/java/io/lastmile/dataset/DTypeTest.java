package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DTypeTest {
  @ParameterizedTest
  @CsvSource({
    "BOOL, 1, 2",
    "INT8, -128, 128",
    "UINT8, 255, 256",
    "UINT8, 0, -1",
    "INT16, 32767, 32768",
    "INT32, -2147483648, -2147483649",
    "INT64, -9223372036854775808, 9223372036854775808",
    "INT64, 3, 0.5",
    "FLOAT16, 65519, 65520",
    "BFLOAT16, 3.389e38, -3.4e38",
    "FLOAT32, 3.4e38, 1e300",
    "FLOAT64, 1e300, Infinity",
  })
  void holdsItsOwnValues(DType type, double inside, double outside) {
    assertThat(type.holds(inside)).isTrue();
    assertThat(type.holds(outside)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void floatsRound(DType type) {
    assertThat(type.holds(0.1)).isTrue();
  }
}
