package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class QuantityTest {
  @Test
  void oneIsNotMany() {
    assertThat(Quantity.counted(1, "row")).isEqualTo("1 row");
    assertThat(Quantity.counted(0, "row")).isEqualTo("0 rows");
    assertThat(Quantity.counted(1234, "row group")).isEqualTo("1,234 row groups");
  }
}
