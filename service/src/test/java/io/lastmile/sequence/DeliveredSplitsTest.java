package io.lastmile.sequence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Splits may be delivered in any order; what is left is told by an ordinal and a few others. */
class DeliveredSplitsTest {
  @Test
  void splitsInOrderNeedNothingMore() {
    DeliveredSplits splits = DeliveredSplits.NONE.plus(0).plus(1);
    assertThat(splits).isEqualTo(new DeliveredSplits(2, List.of()));
    assertThat(splits.isOutOfOrder(2)).isFalse();
    assertThat(DeliveredSplits.of(null, 2, 5)).isEqualTo(splits);
    assertThat(splits.rest(2, 4)).containsExactly(2, 3);
    assertThat(splits.rest(2, 2)).isEmpty();
  }

  @Test
  void othersAreKeptUntilTheLowestIsDelivered() {
    DeliveredSplits splits = DeliveredSplits.NONE.plus(3).plus(1);
    assertThat(splits).isEqualTo(new DeliveredSplits(0, List.of(1, 3)));
    assertThat(splits.isOutOfOrder(0)).isTrue();
    assertThat(splits.end()).isEqualTo(4);
    assertThat(splits.rest(0, 6)).containsExactly(0, 2, 4, 5);
    assertThat(splits.rest(4, 6)).containsExactly(4, 0, 2, 5);
    assertThat(DeliveredSplits.of(splits.tree(), 4, 1)).isEqualTo(splits);
    assertThat(splits.plus(0)).isEqualTo(new DeliveredSplits(2, List.of(3)));
    assertThat(splits.plus(0).plus(2)).isEqualTo(new DeliveredSplits(4, List.of()));
  }

  @Test
  void aSplitThatIsBegunAheadIsOutOfOrder() {
    assertThat(DeliveredSplits.NONE.isOutOfOrder(3)).isTrue();
    assertThat(DeliveredSplits.of(List.of(0L), 3, 1)).isEqualTo(DeliveredSplits.NONE);
  }

  @ParameterizedTest
  @CsvSource({"3 2,3,0", "'',0,0", "-1,0,0", "2,0,0", "0 0,0,1", "0 2,2,1", "0 1,3,0"})
  void whatCannotBeIsRefused(String written, int split, long row) {
    List<Long> tree =
        written.isEmpty()
            ? List.of()
            : List.of(written.split(" ")).stream().map(Long::valueOf).toList();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DeliveredSplits.of(tree, split, row))
        .withMessageStartingWith("the delivered splits [");
  }
}
