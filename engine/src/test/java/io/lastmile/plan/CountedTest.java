package io.lastmile.plan;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CountedTest {
  @Test
  void oneIsNotMany() {
    assertThat(Counted.of(1, "row")).isEqualTo("1 row");
    assertThat(Counted.of(0, "row")).isEqualTo("0 rows");
    assertThat(Counted.of(1234, "row group")).isEqualTo("1,234 row groups");
    assertThat(Counted.of(1, 1, "file")).isEqualTo("1 file");
    assertThat(Counted.of(0, 1, "file")).isEqualTo("0 of 1 file");
    assertThat(Counted.of(1, 1200, "file")).isEqualTo("1 of 1,200 files");
  }
}
