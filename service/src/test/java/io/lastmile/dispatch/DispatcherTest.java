package io.lastmile.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.split.Split;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Members get splits by their ratios, each within its own budget. */
class DispatcherTest {
  private static final int COUNT = 4;
  private static final long SPLIT = 10;

  private static Member member(double ratio, int end, long budget) {
    return new Member(
        DispatcherTest::pass, COUNT, Turns.IN_ORDER, -1, 0, end, COUNT, ratio, budget, _ -> SPLIT);
  }

  private final AtomicLong nanos = new AtomicLong();
  private final List<Assignment> unneeded = new CopyOnWriteArrayList<>();

  private Dispatcher dispatcher(List<Member> members) {
    return new Dispatcher(
        members,
        Collections.nCopies(members.size(), Map.of()),
        new Rules(Duration.ofMinutes(1), 3, true),
        nanos::get,
        unneeded::add);
  }

  private static List<Split> pass(int pass) {
    List<Split> splits = new ArrayList<>();
    for (int ordinal = 0; ordinal < COUNT; ordinal++) {
      splits.add(new Split(pass, ordinal, List.of()));
    }
    return splits;
  }

  private static Assignment next(Dispatcher dispatcher) throws InterruptedException {
    return Objects.requireNonNull(dispatcher.next(0));
  }

  @Test
  void theOneWithLeastReadyForItsRatioIsNext() throws InterruptedException {
    Dispatcher dispatcher =
        dispatcher(List.of(member(0.75, COUNT, 1000), member(0.25, COUNT, 1000)));
    List<Integer> members = new ArrayList<>();
    List<Assignment> splits = new ArrayList<>();
    for (int i = 0; i < 2 * COUNT; i++) {
      splits.add(next(dispatcher));
      members.add(splits.getLast().member());
    }
    assertThat(members).containsExactly(0, 1, 0, 0, 0, 1, 1, 1);
    splits.forEach(split -> assertThat(dispatcher.finished(split)).isTrue());
    assertThat(dispatcher.next(0)).isNull();
  }

  @Test
  void aFullBudgetKeepsNobodyElseWaiting() throws Exception {
    Dispatcher dispatcher =
        dispatcher(List.of(member(0.9, COUNT, SPLIT), member(0.1, COUNT, 2 * SPLIT)));
    Assignment first = next(dispatcher);
    assertThat(first.member()).isZero();
    assertThat(first.bytes()).isEqualTo(SPLIT);
    assertThat(next(dispatcher).member()).isEqualTo(1);
    assertThat(next(dispatcher).member()).isEqualTo(1);
    assertThat(dispatcher.extend(first, 1)).isFalse();
    assertThat(dispatcher.finished(first)).isTrue();
    CompletableFuture<Assignment> waiting =
        CompletableFuture.supplyAsync(() -> {
          try {
            return next(dispatcher);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    dispatcher.appended(0, first.ordinal());
    assertThat(waiting.get(1, TimeUnit.MINUTES).member()).isZero();
  }

  @Test
  void passesFollowEachOtherAndAreSkippedToTheirEnd() throws InterruptedException {
    Dispatcher dispatcher = dispatcher(List.of(member(0.5, 3 * COUNT, 1000)));
    assertThat(next(dispatcher).split()).isEqualTo(new Split(0, 0, List.of()));
    dispatcher.skipTo(0, COUNT);
    assertThat(next(dispatcher).split()).isEqualTo(new Split(1, 0, List.of()));
    assertThat(next(dispatcher).ordinal()).isEqualTo(COUNT + 1);
    dispatcher.end();
    assertThat(dispatcher.next(0)).isNull();
  }

  @Test
  void aRunIsGivenUpByItsOwnTimeAlone() throws InterruptedException {
    Dispatcher dispatcher = dispatcher(List.of(member(1, COUNT, 1000)));
    Assignment first = next(dispatcher);
    Assignment second = next(dispatcher);
    nanos.addAndGet(Duration.ofSeconds(40).toNanos());
    assertThat(dispatcher.enter(first)).isTrue();
    nanos.addAndGet(Duration.ofSeconds(15).toNanos());
    assertThat(dispatcher.expire()).isEmpty();
    assertThat(dispatcher.leave(first)).isTrue();
    nanos.addAndGet(Duration.ofSeconds(6).toNanos());
    assertThat(dispatcher.expire()).containsExactly(new Dispatcher.Expired(second, Failed.AGAIN));
    assertThat(unneeded).containsExactly(second);
    assertThat(dispatcher.finished(second)).isFalse();
    assertThat(dispatcher.failed(second)).isEqualTo(Failed.UNNEEDED);
    assertThat(next(dispatcher).lease()).isEqualTo(new Lease(1, 1, 0));
  }

  @Test
  void theThirdFailureIsTheLast() throws InterruptedException {
    Dispatcher dispatcher = dispatcher(List.of(member(1, 1, 1000)));
    assertThat(dispatcher.failed(next(dispatcher))).isEqualTo(Failed.AGAIN);
    assertThat(dispatcher.failed(next(dispatcher))).isEqualTo(Failed.AGAIN);
    assertThat(dispatcher.failed(next(dispatcher))).isEqualTo(Failed.TOO_OFTEN);
  }

  @Test
  void theFirstOfTwoRunsToFinishDelivers() throws Exception {
    Dispatcher dispatcher = dispatcher(List.of(member(1, COUNT, 1000)));
    Assignment slow = next(dispatcher);
    for (int i = 1; i < COUNT; i++) {
      assertThat(dispatcher.finished(next(dispatcher))).isTrue();
    }
    nanos.addAndGet(Duration.ofSeconds(2).toNanos());
    Assignment second = next(dispatcher);
    assertThat(second.ordinal()).isZero();
    assertThat(dispatcher.finished(second)).isTrue();
    assertThat(unneeded).containsExactly(slow);
    assertThat(dispatcher.finished(slow)).isFalse();
    assertThat(dispatcher.enter(slow)).isFalse();
    assertThat(dispatcher.enterFinished(0)).isEqualTo(second.lease());
    assertThat(dispatcher.enterFinished(0)).isNull();
    dispatcher.appended(0, 0);
    assertThat(Objects.requireNonNull(dispatcher.enterFinished(0)).ordinal()).isEqualTo(1);
  }
}
