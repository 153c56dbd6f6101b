package io.lastmile.split;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The vectors of docs/guarantees.md, and that every permutation is one. */
class PermutationTest {
  @Test
  void vectorsOfTheGuarantees() {
    assertThat(Permutation.of(8, 42, "row_groups", 0)).containsExactly(2, 5, 3, 7, 0, 1, 4, 6);
    assertThat(Permutation.of(8, 42, "row_groups", 1)).containsExactly(2, 5, 7, 6, 0, 3, 4, 1);
    assertThat(Permutation.of(8, 42, "rows", 0, 0)).containsExactly(2, 1, 6, 3, 7, 0, 4, 5);
    assertThat(Permutation.of(5, 7, "row_groups", 0, 2)).containsExactly(1, 4, 3, 2, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 1000})
  void everyNumberOnce(int n) {
    int[] order = Permutation.of(n, -3, "rows", 5, 6);
    assertThat(Arrays.stream(order).sorted()).containsExactlyElementsOf(range(n));
  }

  private static Iterable<Integer> range(int n) {
    return IntStream.range(0, n).boxed().toList();
  }
}
