package io.lastmile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.Training;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.Misuse;
import io.lastmile.feed.RankLife;
import io.lastmile.launch.Launcher;
import io.lastmile.launch.RankListener;
import io.lastmile.launch.RankPlan;
import io.lastmile.launch.Ranks;
import io.lastmile.launch.RanksEnd;
import io.lastmile.run.RunRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class AttemptsTest {
  private static final RanksEnd WELL = new RanksEnd(List.of(0, 0), List.of(), null);

  @TempDir Path folder;

  private final FakeData data = FakeData.serving();
  private final FakeLauncher launcher = new FakeLauncher();

  /** Starts ranks that end when and as a test says. */
  private static final class FakeLauncher implements Launcher {
    final List<Integer> started = new CopyOnWriteArrayList<>();
    final LinkedBlockingQueue<FakeRanks> ranks = new LinkedBlockingQueue<>();
    volatile @Nullable LastmileException refusal;

    @Override
    public Ranks start(RankPlan plan, RankListener listener) {
      LastmileException why = refusal;
      if (why != null && plan.attempt() > 1) {
        throw why;
      }
      started.add(plan.attempt());
      FakeRanks fresh = new FakeRanks(listener);
      ranks.add(fresh);
      return fresh;
    }

    FakeRanks next() throws InterruptedException {
      return ranks.take();
    }
  }

  private static final class FakeRanks implements Ranks {
    private final RankListener listener;
    private final CompletableFuture<RanksEnd> end = new CompletableFuture<>();
    volatile boolean cancelled;

    FakeRanks(RankListener listener) {
      this.listener = listener;
    }

    void end(RanksEnd how) {
      if (how.failure() != null) {
        listener.failed(how.failure());
      }
      end.complete(how);
    }

    @Override
    public RanksEnd await() throws InterruptedException {
      try {
        return end.get();
      } catch (ExecutionException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void cancel() {
      cancelled = true;
      end.complete(new RanksEnd(List.of(143, 143), List.of(), null));
    }

    @Override
    public void stall(List<Integer> stalled, Duration timeout) {
      end(new RanksEnd(List.of(143, 143), stalled, trainer(stalled + " stalled for " + timeout)));
    }
  }

  private static LastmileException trainer(String message) {
    return LastmileException.of(FailureKind.TRAINER, message);
  }

  private static RanksEnd failed(int rank, String message) {
    return new RanksEnd(List.of(1, 1), List.of(rank), trainer(message));
  }

  private Attempts start(Training training) {
    RunRecord record = RunRecord.create(folder, "ads");
    RunEvents events = new RunEvents(record, (rank, channel, line) -> {}, data, data);
    return Attempts.start(
        launcher,
        attempt -> new RankPlan(attempt, 2, List.of(), folder, Map.of(), folder),
        training,
        data,
        events,
        1);
  }

  private Attempts start(int restarts) {
    return start(Training.of("train.py").ranks(2).restarts(restarts));
  }

  private static CompletableFuture<RanksEnd> end(Attempts attempts) {
    return CompletableFuture.supplyAsync(() -> {
      try {
        return attempts.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    });
  }

  @Test
  void ranksThatEndWellAreNotStartedAgain() throws Exception {
    Attempts attempts = start(3);
    launcher.next().end(WELL);
    assertThat(attempts.await()).isEqualTo(WELL);
    assertThat(launcher.started).containsExactly(1);
    assertThat(attempts.restarts()).isZero();
  }

  @Test
  void ranksThatFailAreStartedAgainUntilTheyEndWell() throws Exception {
    Attempts attempts = start(3);
    CompletableFuture<RanksEnd> end = end(attempts);
    launcher.next().end(failed(1, "once"));
    launcher.next().end(failed(0, "twice"));
    launcher.next().end(WELL);
    assertThat(end.get()).isEqualTo(WELL);
    assertThat(launcher.started).containsExactly(1, 2, 3);
    assertThat(data.attempts).containsExactly(1, 2, 3);
    assertThat(attempts.attempt()).isEqualTo(3);
    assertThat(Files.readAllLines(folder.resolve("ads-1/events.jsonl")))
        .filteredOn(line -> line.contains("attempt"))
        .extracting(line -> line.replaceAll(",\"(seconds|time)\":[^,}]*", ""))
        .containsExactly(
            "{\"attempt\":1,\"event\":\"rank_failed\",\"message\":\"once\"}",
            "{\"attempt\":2,\"event\":\"restarted\"}",
            "{\"attempt\":2,\"event\":\"rank_failed\",\"message\":\"twice\"}",
            "{\"attempt\":3,\"event\":\"restarted\"}");
  }

  @Test
  void withoutRestartsTheFirstFailureIsTheLast() throws Exception {
    Attempts attempts = start(0);
    launcher.next().end(failed(1, "Rank 1 exited"));
    assertThat(attempts.await().failure()).hasMessage("Rank 1 exited");
    assertThat(launcher.started).containsExactly(1);
  }

  @Test
  void theLastFailureSaysHowOftenTheyWereRestarted() throws Exception {
    Attempts attempts = start(2);
    CompletableFuture<RanksEnd> end = end(attempts);
    for (int i = 0; i < 3; i++) {
      launcher.next().end(failed(1, "Rank 1 exited"));
    }
    assertThat(end.get().failure())
        .hasMessage("Rank 1 exited; the ranks had been restarted 2 times (train.restarts)");
    assertThat(end.get().exitCodes()).containsExactly(1, 1);
    assertThat(launcher.started).containsExactly(1, 2, 3);
  }

  @Test
  void aFailureOfTheDataIsNotRestarted() throws Exception {
    Attempts attempts = start(2);
    LastmileException bad = LastmileException.of(FailureKind.DATA, "Null in a.parquet");
    data.fail(bad);
    launcher.next().end(failed(1, "Rank 1 exited"));
    assertThat(attempts.await().failure()).isSameAs(bad);
    assertThat(launcher.started).containsExactly(1);
  }

  @Test
  void aMistakeOfTheScriptIsNotRestarted() throws Exception {
    Attempts attempts = start(2);
    data.mistake = LastmileException.of(FailureKind.USER, "Unknown feed");
    launcher.next().end(failed(1, "Rank 1 exited"));
    assertThat(attempts.await().failure())
        .hasMessage("Rank 1 exited; not restarted, since that would not help: Unknown feed");
    assertThat(launcher.started).containsExactly(1);
  }

  @Test
  void aMistakeOfTheLastAttemptIsNotSaidToKeepItFromAnother() throws Exception {
    Attempts attempts = start(1);
    CompletableFuture<RanksEnd> end = end(attempts);
    launcher.next().end(failed(1, "Rank 1 exited"));
    FakeRanks second = launcher.next();
    data.mistake = LastmileException.of(FailureKind.USER, "Unknown feed");
    second.end(failed(0, "Rank 0 exited"));
    assertThat(end.get().failure())
        .hasMessage("Rank 0 exited; the ranks had been restarted once (train.restarts)");
  }

  @Test
  void aMisuseIsNotRestarted() throws Exception {
    Attempts attempts = start(2);
    FakeRanks ranks = launcher.next();
    data.misuse.complete(new Misuse(0, trainer("Rank 0 closed feed")));
    ranks.end(failed(1, "Rank 1 exited"));
    assertThat(attempts.await().failure()).hasMessage("Rank 0 closed feed");
    assertThat(launcher.started).containsExactly(1);
  }

  @Test
  void aRankThatClosedItsFeedsBecauseItFailedIsRestarted() throws Exception {
    Attempts attempts = start(2);
    CompletableFuture<RanksEnd> end = end(attempts);
    FakeRanks ranks = launcher.next();
    data.misuse.complete(new Misuse(1, trainer("Rank 1 closed feed")));
    ranks.end(failed(1, "Rank 1 exited"));
    launcher.next().end(WELL);
    assertThat(end.get()).isEqualTo(WELL);
  }

  @Test
  void cancelledRanksAreNotStartedAgain() throws Exception {
    Attempts attempts = start(2);
    FakeRanks ranks = launcher.next();
    attempts.cancel();
    assertThat(ranks.cancelled).isTrue();
    assertThat(attempts.await().failure()).isNull();

    Attempts others = start(2);
    FakeRanks failing = launcher.next();
    others.cancel();
    failing.end(failed(1, "too late"));
    assertThat(others.await().failure()).isNull();
    assertThat(launcher.started).containsExactly(1, 1);
  }

  @Test
  void aCancelBetweenTwoAttemptsStartsNone() throws Exception {
    CompletableFuture<Attempts> started = new CompletableFuture<>();
    data.beforeAttempt =
        attempt -> {
          if (attempt == 2) {
            started.join().cancel();
          }
        };
    Attempts attempts = start(2);
    started.complete(attempts);
    launcher.next().end(failed(1, "Rank 1 exited"));
    RanksEnd _ = attempts.await();
    assertThat(launcher.started).containsExactly(1);
  }

  @Test
  void ranksThatCannotBeStartedAgainAreTheFailure() throws Exception {
    Attempts attempts = start(2);
    launcher.refusal = LastmileException.of(FailureKind.RESOURCES, "Cannot start rank 0");
    launcher.next().end(failed(1, "Rank 1 exited"));
    assertThat(attempts.await().failure()).isSameAs(launcher.refusal);
  }

  @Test
  void ranksThatCannotBeStartedAtAllAreAMistakeOfTheCaller() {
    FakeLauncher never = new FakeLauncher();
    never.refusal = LastmileException.of(FailureKind.RESOURCES, "Cannot start rank 0");
    RunEvents events =
        new RunEvents(RunRecord.create(folder, "ads"), (rank, channel, line) -> {}, data, data);
    assertThatThrownBy(() ->
            Attempts.start(
                never,
                attempt -> new RankPlan(attempt, 2, List.of(), folder, Map.of(), folder),
                Training.of("train.py"),
                data,
                events,
                7))
        .hasMessage("Cannot start rank 0");
    assertThat(data.attempts).containsExactly(7);
  }

  @Test
  void aRankThatStandsStillIsRestarted() throws Exception {
    data.lives.put(0, new RankLife(1, true));
    Attempts attempts =
        start(Training.of("train.py").ranks(2).restarts(1).stallTimeout(Duration.ofMillis(200)));
    CompletableFuture<RanksEnd> end = end(attempts);
    FakeRanks _ = launcher.next();
    FakeRanks again = launcher.next();
    data.lives.put(1, new RankLife(2, true));
    again.end(WELL);
    assertThat(end.get()).isEqualTo(WELL);
    assertThat(folder.resolve("ads-1/events.jsonl")).content().contains("[1] stalled for PT0.2S");
  }
}
