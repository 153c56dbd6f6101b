package io.lastmile.preview;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Shuffle;
import io.lastmile.source.FileColumns;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which row groups a sample has: whole splits where the first fits, else some of the first. */
class SampleTest {
  private static final List<TableFile> FILES = List.of(file("a", 10, 20), file("b", 30, 40, 50));

  private static TableFile file(String name, long... rows) {
    List<RowGroup> groups = new ArrayList<>();
    long first = 0;
    for (int i = 0; i < rows.length; i++) {
      groups.add(new RowGroup(i, first, rows[i], 0, Map.of(), Map.of()));
      first += rows[i];
    }
    Path path = Path.of("/t", name);
    return new TableFile(
        path, path, name, 0, "", Instant.EPOCH, Instant.EPOCH, FileColumns.SAME, groups, Map.of());
  }

  private static Sample sample(Shuffle shuffle, long rows) {
    return Sample.of(new Splits(FILES, shuffle, 42), rows);
  }

  private static String text(List<Split> splits) {
    return splits.stream().map(SampleTest::text).collect(Collectors.joining(" | "));
  }

  private static String text(Split split) {
    return split.parts().stream()
        .map(part -> part.file().relative() + part.rowGroup().ordinal())
        .collect(Collectors.joining(" "));
  }

  @Test
  void wholeSplitsAsFarAsTheirRowsGo() {
    Sample sample = sample(Shuffle.none(), 60);
    assertThat(text(sample.splits())).isEqualTo("a0 | a1 | b0");
    assertThat(sample.whole()).isTrue();
    assertThat(sample.rows()).isEqualTo(60);
    assertThat(sample.rowGroups()).isEqualTo(3);
    assertThat(sample.allSplits()).isEqualTo(5);
    assertThat(sample.allRowGroups()).isEqualTo(5);
    assertThat(text(sample(Shuffle.none(), 59).splits())).isEqualTo("a0 | a1");
    assertThat(text(sample(Shuffle.none(), 1_000).splits())).isEqualTo("a0 | a1 | b0 | b1 | b2");
  }

  @Test
  void atLeastOneRowGroup() {
    Sample sample = sample(Shuffle.none(), 1);
    assertThat(text(sample.splits())).isEqualTo("a0");
    assertThat(sample.whole()).isTrue();
  }

  @Test
  void someRowGroupsOfASplitThatIsTooLarge() {
    Shuffle five = new Shuffle.RowGroups(5, null);
    Sample sample = sample(five, 100);
    assertThat(text(sample.splits())).isEqualTo("a0 a1 b0 b1");
    assertThat(sample.whole()).isFalse();
    assertThat(sample.allSplits()).isEqualTo(1);
    assertThat(text(sample(five, 1).splits())).isEqualTo("a0");
    assertThat(sample(five, 150).whole()).isTrue();
  }

  @Test
  void togetherItIsInFileOrder() {
    Shuffle two = new Shuffle.RowGroups(2, null);
    Sample sample = sample(two, 1_000);
    assertThat(text(sample.together())).isEqualTo("a0 a1 b0 b1 b2");
    assertThat(text(sample.inOrder())).isEqualTo(text(sample.splits()).replace(" | ", " "));
    assertThat(text(sample.inOrder())).isNotEqualTo(text(sample.together()));
  }

  @Test
  void aTableWithoutRows() {
    Sample sample = Sample.of(new Splits(List.of(file("a", 0)), Shuffle.none(), 42), 10);
    assertThat(sample.splits()).isEmpty();
    assertThat(sample.whole()).isTrue();
    assertThat(sample.rows()).isZero();
  }
}
