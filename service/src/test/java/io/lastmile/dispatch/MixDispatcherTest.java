package io.lastmile.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dispatch.MixDispatcher.Assignment;
import io.lastmile.dispatch.MixDispatcher.Member;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Members get splits by their ratios, each within its own budget. */
class MixDispatcherTest {
  private static final int COUNT = 4;
  private static final long SPLIT = 10;

  private static Member member(double ratio, int end, long budget) {
    return new Member(MixDispatcherTest::pass, COUNT, 0, end, ratio, budget, _ -> SPLIT);
  }

  private static List<Split> pass(int pass) {
    List<Split> splits = new ArrayList<>();
    for (int ordinal = 0; ordinal < COUNT; ordinal++) {
      splits.add(new Split(pass, ordinal, List.of()));
    }
    return splits;
  }

  private static Assignment next(MixDispatcher dispatcher) throws InterruptedException {
    return Objects.requireNonNull(dispatcher.next());
  }

  @Test
  void theOneWithLeastReadyForItsRatioIsNext() throws InterruptedException {
    MixDispatcher dispatcher =
        new MixDispatcher(List.of(member(0.75, COUNT, 1000), member(0.25, COUNT, 1000)));
    List<Integer> members = new ArrayList<>();
    for (int i = 0; i < 2 * COUNT; i++) {
      members.add(next(dispatcher).member());
    }
    assertThat(members).containsExactly(0, 1, 0, 0, 0, 1, 1, 1);
    assertThat(dispatcher.next()).isNull();
  }

  @Test
  void aFullBudgetKeepsNobodyElseWaiting() throws Exception {
    MixDispatcher dispatcher =
        new MixDispatcher(List.of(member(0.9, COUNT, SPLIT), member(0.1, COUNT, 2 * SPLIT)));
    Assignment first = next(dispatcher);
    assertThat(first.member()).isZero();
    assertThat(first.bytes()).isEqualTo(SPLIT);
    assertThat(next(dispatcher).member()).isEqualTo(1);
    assertThat(next(dispatcher).member()).isEqualTo(1);
    assertThat(dispatcher.extend(first, 1)).isFalse();
    CompletableFuture<Assignment> waiting =
        CompletableFuture.supplyAsync(() -> {
          try {
            return next(dispatcher);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    dispatcher.released(first);
    assertThat(waiting.get(1, TimeUnit.MINUTES).member()).isZero();
  }

  @Test
  void passesFollowEachOtherAndAreSkippedToTheirEnd() throws InterruptedException {
    MixDispatcher dispatcher = new MixDispatcher(List.of(member(0.5, 3 * COUNT, 1000)));
    assertThat(next(dispatcher).split()).isEqualTo(new Split(0, 0, List.of()));
    dispatcher.skipTo(0, COUNT);
    assertThat(next(dispatcher).split()).isEqualTo(new Split(1, 0, List.of()));
    assertThat(next(dispatcher).ordinal()).isEqualTo(COUNT + 1);
    dispatcher.end();
    assertThat(dispatcher.next()).isNull();
  }
}
