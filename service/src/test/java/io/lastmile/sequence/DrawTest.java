package io.lastmile.sequence;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Mix;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The test vectors of docs/guarantees.md. */
class DrawTest {
  private static final List<Mix.Part> PARTS =
      List.of(Mix.part("a", 0.5), Mix.part("b", 0.3), Mix.part("c", 0.2));

  @Test
  void allTakePart() {
    assertThat(drawn(0, new boolean[3]))
        .containsExactly(1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 2, 2, 1, 0, 0);
  }

  @Test
  void theOthersTakePartByTheirRatios() {
    assertThat(drawn(1, new boolean[] {true, false, false}))
        .containsExactly(2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    assertThat(drawn(1, new boolean[] {true, false, true})).containsOnly(1);
  }

  private static List<Integer> drawn(int epoch, boolean[] out) {
    Draw draw = new Draw(42, epoch, PARTS);
    List<Integer> drawn = new ArrayList<>();
    for (int row = 0; row < 16; row++) {
      drawn.add(draw.of(row, out));
    }
    return drawn;
  }
}
