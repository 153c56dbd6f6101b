package io.lastmile.error;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** The first mistake is thrown, or all are kept. */
class MistakesTest {
  private static String wrong() {
    throw LastmileException.user("batch", "Invalid batch: 0");
  }

  private static String follows() {
    throw new FollowUpException();
  }

  @Test
  void theFirstIsThrown() {
    Mistakes mistakes = Mistakes.first();
    assertThat(mistakes.orElse("instead", () -> "read")).isEqualTo("read");
    assertThatThrownBy(
            () -> mistakes.orElse("instead", () -> mistakes.under("train", MistakesTest::wrong)))
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.element()).isEqualTo("train.batch"));
    assertThatThrownBy(() -> mistakes.orElse("instead", MistakesTest::follows))
        .isInstanceOf(FollowUpException.class);
    assertThat(mistakes.found()).isEmpty();
  }

  @Test
  void allAreKeptAndNamedFromFurtherOut() {
    Mistakes mistakes = Mistakes.all();
    assertThat(mistakes.orElse("earlier", MistakesTest::wrong)).isEqualTo("earlier");
    String read =
        mistakes.under(
            "datasets", () -> mistakes.orElse("x", () -> mistakes.under("a", MistakesTest::wrong)));
    assertThat(read).isEqualTo("x");
    assertThat(mistakes.orNull(MistakesTest::wrong)).isNull();
    assertThat(mistakes.found())
        .extracting(LastmileException::element)
        .containsExactly("batch", "datasets.a.batch");
  }

  @Test
  void whatFollowsFailsButIsNotKept() {
    Mistakes mistakes = Mistakes.all();
    assertThat(mistakes.orElse("instead", MistakesTest::follows)).isEqualTo("instead");
    assertThat(mistakes.attempt(() -> {})).isTrue();
    assertThat(mistakes.failures()).isEqualTo(1);
    assertThat(mistakes.found()).isEmpty();
  }

  @Test
  void aWholeHasNoMistakeInside() {
    Mistakes mistakes = Mistakes.all();
    assertThat(mistakes.whole("instead", () -> "read" + mistakes.orElse("", MistakesTest::wrong)))
        .isEqualTo("instead");
    assertThat(mistakes.whole("instead", () -> "read")).isEqualTo("read");
    assertThat(mistakes.found()).hasSize(1);
  }

  @Test
  void onlyMistakesOfTheUsersAreKept() {
    Mistakes mistakes = Mistakes.all();
    LastmileException full = LastmileException.of(FailureKind.RESOURCES, "Disk full");
    assertThatThrownBy(() -> mistakes.add(full)).isSameAs(full);
    assertThat(mistakes.failures()).isZero();
  }
}
