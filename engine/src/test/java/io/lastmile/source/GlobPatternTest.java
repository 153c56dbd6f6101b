package io.lastmile.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GlobPatternTest {
  private static final Path FOLDER = Path.of("/x");

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      textBlock =
          """
          *.parquet a.parquet true
          *.parquet a/b.parquet false
          *.parquet .a.parquet false
          .*.parquet .a.parquet true
          *.parquet a.parquet.tmp false
          */*.parquet a/b.parquet true
          */*.parquet b.parquet false
          **/*.parquet b.parquet true
          **/*.parquet a/b/c.parquet true
          ** a/b/c.parquet true
          a?.parquet ab.parquet true
          a?.parquet a.parquet false
          part-[0-3].parquet part-2.parquet true
          part-[0-3].parquet part-7.parquet false
          part-[!0-3].parquet part-7.parquet true
          part-[!0-3].parquet part-2.parquet false
          a[]].parquet a].parquet true
          a[&&b].parquet a&.parquet true
          {a,b}.parquet b.parquet true
          {a,b}.parquet c.parquet false
          {a,b{1,2}}.parquet b2.parquet true
          *,x.parquet a,x.parquet true
          *}.parquet a}.parquet true
          *(1)+.parquet a(1)+.parquet true
          """)
  void matches(String pattern, String path, boolean matches) {
    assertThat(GlobPattern.of(FOLDER, pattern).matches(Path.of(path))).isEqualTo(matches);
  }

  @Test
  void splitsTheFixedFolderFromTheRest() {
    GlobPattern glob = GlobPattern.of(FOLDER, "a/../b/dt=*/c.parquet");
    assertThat(glob.fixed()).isEqualTo(Path.of("/x/b"));
    assertThat(glob.depth()).isEqualTo(2);
    assertThat(GlobPattern.of(FOLDER, "/y/*.parquet").fixed()).isEqualTo(Path.of("/y"));
    assertThat(GlobPattern.of(FOLDER, "*").fixed()).isEqualTo(FOLDER);
    assertThat(GlobPattern.of(FOLDER, "a/**/b").depth()).isEqualTo(Integer.MAX_VALUE);
  }

  @Test
  void refusesWhatIsNotClosed() {
    assertThatThrownBy(() -> GlobPattern.of(FOLDER, "a[b")).hasMessage("'[' is not closed");
    assertThatThrownBy(() -> GlobPattern.of(FOLDER, "{a,b")).hasMessage("'{' is not closed");
    assertThatThrownBy(() -> GlobPattern.of(FOLDER, "[z-a]"))
        .hasMessage("[z-a] is no set of characters");
  }
}
