package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.LastmileException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "512MiB, 536870912",
    "2GiB, 2147483648",
    "1GB, 1000000000",
    "1.5 GiB, 1610612736",
    "10kB, 10000",
    "10KB, 10000",
    "1KiB, 1024",
    "1TiB, 1099511627776",
    "1TB, 1000000000000",
    "17B, 17",
    "17, 17",
    "0.5KiB, 512",
    "9223372036854775807, 9223372036854775807",
  })
  void readsSizes(String text, long bytes) {
    assertThat(ByteSize.parse("memory", text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "2 gigs", "2Gi", "-1GiB", "GiB", "1e3", "9223372036854775808", "9000000TiB"})
  void refusesOthers(String text) {
    assertThatThrownBy(() -> ByteSize.parse("memory", text))
        .isInstanceOf(LastmileException.class)
        .hasMessage("Invalid memory: \"" + text + "\" (must be a size such as 512MiB or 2GiB)");
  }
}
