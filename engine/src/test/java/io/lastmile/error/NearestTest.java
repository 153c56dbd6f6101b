package io.lastmile.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestTest {
  private static final List<String> WORDS = List.of("steps", "slots", "shuffle", "batch", "keys");

  @ParameterizedTest
  @CsvSource({
    "stpes, steps",
    "step, steps",
    "stepss, steps",
    "BATCH, batch",
    "shufle, shuffle",
    "shfufel, shuffle",
    "kesy, keys",
    "s1ots, slots",
  })
  void findsTheWordThatWasMeant(String wrong, String right) {
    assertThat(Nearest.of(wrong, WORDS)).isEqualTo(right);
    assertThat(Nearest.hint(wrong, WORDS)).isEqualTo(" (did you mean \"" + right + "\"?)");
  }

  @ParameterizedTest
  @CsvSource({"tensors", "xx", "''", "batchsizes"})
  void offersNothingThatIsFar(String wrong) {
    assertThat(Nearest.of(wrong, WORDS)).isNull();
    assertThat(Nearest.hint(wrong, WORDS)).isEmpty();
  }

  @Test
  void firstOfEqualsWins() {
    assertThat(Nearest.of("cat_x", List.of("cat_b", "cat_a"))).isEqualTo("cat_b");
  }

  @Test
  void oneLetterOfAShortWordMayBeWrong() {
    assertThat(Nearest.of("a", List.of("b"))).isEqualTo("b");
    assertThat(Nearest.of("ab", List.of("cd"))).isNull();
  }
}
