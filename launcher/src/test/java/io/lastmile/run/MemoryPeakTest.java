package io.lastmile.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.api.Test;

class MemoryPeakTest {
  @Test
  void countsThisProcessAndWhatIsBelowIt() throws Exception {
    String program =
        "x = bytearray(300 << 20); x[::4096] = b'1' * len(x[::4096]); print(1); input()";
    Process child = new ProcessBuilder("python3", "-c", program).start();
    try (MemoryPeak memory = MemoryPeak.start()) {
      assertThat(child.getInputStream().read()).isEqualTo('1');
      long end = System.nanoTime() + 5_000_000_000L;
      while (System.nanoTime() < end
          && Objects.requireNonNullElse(memory.bytes(), 0L) < 320L << 20) {
        Thread.sleep(100);
      }
      assertThat(memory.bytes()).isBetween(320L << 20, 4L << 30);
    } finally {
      child.destroyForcibly();
    }
  }
}
