package io.lastmile.error;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LastmileExceptionTest {
  @Test
  void lineHasThePlaceThatIsKnown() {
    assertThat(LastmileException.at(FailureKind.DATA, "a.parquet:3", "Corrupt page").line())
        .isEqualTo("error: Corrupt page [a.parquet:3]");
  }

  @Test
  void lineLooksThePlaceOfTheElementUp() {
    LastmileException mistake = LastmileException.user("train.ranks", "Invalid ranks: 0");
    assertThat(mistake.line(element -> "x.yaml of " + element))
        .isEqualTo("error: Invalid ranks: 0 [x.yaml of train.ranks]");
    assertThat(mistake.line()).isEqualTo("error: Invalid ranks: 0 [train.ranks]");
    assertThat(mistake.placed("y.yaml:1").line(element -> "unused"))
        .isEqualTo("error: Invalid ranks: 0 [y.yaml:1]");
  }

  @Test
  void lineWithoutPlaceHasNoBrackets() {
    assertThat(LastmileException.of(FailureKind.RESOURCES, "Out of memory").line())
        .isEqualTo("error: Out of memory");
    assertThat(LastmileException.user("", "Missing key \"name\"").line())
        .isEqualTo("error: Missing key \"name\"");
  }

  @Test
  void lineIsOneLine() {
    assertThat(LastmileException.of(FailureKind.USER, "Parser Error:\n  near \"x\"\r\n").line())
        .isEqualTo("error: Parser Error: near \"x\"");
  }

  @Test
  void namesTheElementFromFurtherOut() {
    LastmileException mistake = LastmileException.user("keep", "Invalid keep");
    LastmileException outer = mistake.under("downsample").under("[3]").under("steps").under("");
    assertThat(outer.element()).isEqualTo("steps[3].downsample.keep");
    assertThat(outer.kind()).isEqualTo(FailureKind.USER);
    assertThat(outer.text()).isEqualTo("Invalid keep");
    assertThat(outer.getStackTrace()).isEqualTo(mistake.getStackTrace());
    assertThat(LastmileException.user("", "x").under("train").element()).isEqualTo("train");
    assertThat(LastmileException.of(FailureKind.DATA, "x").under("train").element()).isNull();
  }

  @Test
  void keepsItsCause() {
    IllegalStateException cause = new IllegalStateException("disk");
    LastmileException failure = LastmileException.of(FailureKind.RESOURCES, "Disk full", cause);
    assertThat(failure.placed("here").getCause()).isSameAs(cause);
  }
}
