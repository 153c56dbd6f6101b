package io.lastmile.split;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Shuffle;
import io.lastmile.source.FileColumns;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Which row groups form which split: every one once, in the order that the shuffle says. */
class SplitsTest {
  private static final List<TableFile> FILES =
      List.of(file("a", "1", 10, 0, 20), file("b", "1", 30), file("c", "2", 40, 50, 60));

  private static TableFile file(String name, String day, long... rows) {
    List<RowGroup> groups = new ArrayList<>();
    long first = 0;
    for (int i = 0; i < rows.length; i++) {
      groups.add(new RowGroup(i, first, rows[i], 0, Map.of(), Map.of()));
      first += rows[i];
    }
    return new TableFile(
        Path.of("/t", name),
        Path.of("/t", name),
        name,
        0,
        "",
        Instant.EPOCH,
        Instant.EPOCH,
        FileColumns.SAME,
        groups,
        Map.of("dt", day));
  }

  private static Shuffle rowGroups(int count, @Nullable String within) {
    return new Shuffle.RowGroups(count, within);
  }

  /** Splits as text: {@code a0 a2 | b0}. */
  private static String text(List<Split> splits) {
    return splits.stream()
        .map(split ->
            split.parts().stream()
                .map(part -> part.file().relative() + part.rowGroup().ordinal())
                .collect(Collectors.joining(" ")))
        .collect(Collectors.joining(" | "));
  }

  @Test
  void withoutShuffleEachRowGroupWithRowsIsASplitInFileOrder() {
    Splits splits = new Splits(FILES, Shuffle.none(), 42);
    assertThat(text(splits.of(0))).isEqualTo("a0 | a2 | b0 | c0 | c1 | c2");
    assertThat(splits.count()).isEqualTo(6);
    assertThat(text(splits.of(7))).isEqualTo(text(splits.of(0)));
    assertThat(splits.of(7)).extracting(Split::epoch).containsOnly(7L);
    assertThat(splits.of(0)).extracting(Split::rows).containsExactly(10L, 20L, 30L, 40L, 50L, 60L);
    assertThat(splits.rowOrder(splits.of(0).getFirst(), 10)).isNull();
  }

  @Test
  void shuffledRowGroupsAreReadInFileOrderInsideASplit() {
    Splits splits = new Splits(FILES, rowGroups(4, null), 42);
    assertThat(splits.of(0)).extracting(Split::ordinal).containsExactly(0, 1);
    for (Split split : splits.of(0)) {
      assertThat(
              split.parts().stream()
                  .map(part -> part.fileOrdinal() * 10 + part.rowGroup().ordinal()))
          .isSorted();
    }
    assertThat(splits.of(0).stream().mapToLong(Split::rows).sum()).isEqualTo(210);
    assertThat(text(splits.of(1))).isNotEqualTo(text(splits.of(0)));
    assertThat(new Splits(FILES, rowGroups(4, null), 42).of(1)).isEqualTo(splits.of(1));
    assertThat(splits.rowOrder(splits.of(0).getFirst(), 3)).containsExactlyInAnyOrder(0, 1, 2);
  }

  @Test
  void withinAPartitionNothingCrossesItsEnd() {
    List<Split> splits = new Splits(FILES, rowGroups(2, "dt"), 42).of(3);
    assertThat(splits).hasSize(4);
    assertThat(new Splits(FILES, rowGroups(2, "dt"), 42).count()).isEqualTo(4);
    assertThat(new Splits(FILES, rowGroups(4, null), 42).count()).isEqualTo(2);
    assertThat(text(splits.subList(0, 2))).doesNotContain("c");
    assertThat(text(splits.subList(2, 4))).matches("c\\d c\\d \\| c\\d");
  }
}
