package io.lastmile.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.dispatch.Member;
import io.lastmile.dispatch.Turns;
import io.lastmile.plan.Tally;
import io.lastmile.sequence.Counts;
import io.lastmile.sequence.DeliveredSplits;
import io.lastmile.sequence.FinishedSplit;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.StagedRows;
import io.lastmile.split.Split;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A finished split goes to the run that can use it, or is freed: once. */
class WarmSplitsTest {
  private static final int EPOCH = 3;
  private static final int SPLITS = 5;
  private static final Layout LAYOUT = Layout.of(List.of(), 10, new long[0]);

  private final List<Integer> freed = new ArrayList<>();
  private final WarmSplits warm = new WarmSplits(EPOCH, List.of(finished(0)));

  /** All splits of two passes, none of which has rows. */
  private Map<Integer, FinishedSplit> finished(int kept) {
    Map<Integer, FinishedSplit> splits = new HashMap<>();
    for (int ordinal = 0; ordinal < 2 * SPLITS; ordinal++) {
      int freeing = ordinal;
      PackedRows rows = new PackedRows(Arena.ofAuto().allocate(LAYOUT.bytes()), LAYOUT);
      splits.put(
          ordinal,
          new FinishedSplit(
              split(ordinal % SPLITS),
              List.of(),
              new StagedRows(List.of(rows), null),
              new Tally(kept, List.of(), List.of(), kept),
              () -> freed.add(freeing)));
    }
    return splits;
  }

  private static Split split(int ordinal) {
    return new Split(EPOCH, ordinal, List.of());
  }

  /** A member that goes on at an ordinal, with staging for so many splits. */
  private static Member member(int first, int room) {
    return new Member(
        _ -> IntStream.range(0, SPLITS).mapToObj(WarmSplitsTest::split).toList(),
        SPLITS,
        Turns.IN_ORDER,
        -1,
        first,
        2 * SPLITS,
        SPLITS,
        1,
        room * LAYOUT.bytes(),
        _ -> LAYOUT.bytes());
  }

  private static Position at(int epoch, Integer... skipped) {
    Counts counts = new Counts(0, List.of(), List.of(), 0, 0, null, Map.of());
    List<List<Integer>> lists = List.of(List.of(skipped));
    return new Position(
        "plan", epoch, 0, 0, 0, 0, lists, DeliveredSplits.NONE, List.of(), counts, 0, null);
  }

  @Test
  void aSplitThatIsBegunAmidIsTakenWhenItLeavesOutTheSame() {
    assertThat(warm.take(at(EPOCH, 1), 0, member(2, 100), IntUnaryOperator.identity()))
        .containsOnlyKeys(3, 4);
    assertThat(warm.take(at(EPOCH), 0, member(2, 100), IntUnaryOperator.identity()))
        .containsOnlyKeys(2);
  }

  @Test
  void aRunTakesThemByItsOwnNumbers() {
    List<Integer> rest = List.of(3, 1, 4);
    assertThat(warm.take(at(EPOCH), 0, member(0, 100), rest::indexOf))
        .containsOnlyKeys(0, 1, 2)
        .allSatisfy(
            (number, split) -> assertThat(split.split().ordinal()).isEqualTo(rest.get(number)));
    warm.close();
    assertThat(freed).doesNotContain(1, 3, 4).contains(0, 2);
  }

  @Test
  void aRunTakesThoseOfThePassInWhichItBegins() {
    assertThat(warm.take(at(EPOCH), 0, member(2, 100), IntUnaryOperator.identity()))
        .containsOnlyKeys(2, 3, 4);
    assertThat(freed).isEmpty();
    warm.close();
    assertThat(freed).containsExactlyInAnyOrder(0, 1, 5, 6, 7, 8, 9);
  }

  @Test
  void oneSplitMoreHasRoomBesideThem() {
    assertThat(warm.take(at(EPOCH), 0, member(0, 4), IntUnaryOperator.identity()))
        .containsOnlyKeys(0, 1, 2);
  }

  @Test
  void anotherEpochTakesNone() {
    assertThat(warm.take(at(EPOCH + 1), 0, member(0, 100), IntUnaryOperator.identity())).isEmpty();
    assertThat(warm.count()).isEqualTo(2 * SPLITS);
  }

  @Test
  void theyAreFreedOnceAndGivenToNobodyAfterwards() {
    warm.close();
    warm.close();
    assertThat(freed).hasSize(2 * SPLITS).doesNotHaveDuplicates();
    assertThat(warm.take(at(EPOCH), 0, member(0, 100), IntUnaryOperator.identity())).isEmpty();
    assertThat(warm.count()).isZero();
  }

  @Test
  void aSplitOfWhichRowsHaveGoneIsFreed() {
    WarmSplits gone = new WarmSplits(EPOCH, List.of(finished(1)));
    assertThat(gone.count()).isZero();
    assertThat(freed).hasSize(2 * SPLITS).doesNotHaveDuplicates();
    gone.close();
    assertThat(freed).hasSize(2 * SPLITS);
  }
}
