package io.lastmile;

import io.lastmile.dataset.Training;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.Feeder;
import io.lastmile.feed.Misuse;
import io.lastmile.launch.Launcher;
import io.lastmile.launch.RankPlan;
import io.lastmile.launch.Ranks;
import io.lastmile.launch.RanksEnd;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The ranks of a run: all of them are started again, as another attempt, when one has failed. One
 * thread starts them and awaits their end; any may cancel.
 */
final class Attempts {
  /** Ranks that got the feeds' failure may report it by themselves for this long. */
  private static final Duration LAST_WORDS = Duration.ofSeconds(1);

  private final Launcher launcher;
  private final IntFunction<RankPlan> plans;
  private final Training training;
  private final Feeder feeder;
  private final RunEvents events;

  /** The number of the first of this driver; earlier ones had another. */
  private final int first;

  /** The attempt that goes on, guarded by this as all below. */
  private int attempt;

  private @Nullable Ranks ranks;
  private boolean cancelled;

  private Attempts(
      Launcher launcher,
      IntFunction<RankPlan> plans,
      Training training,
      Feeder feeder,
      RunEvents events,
      int first) {
    this.launcher = launcher;
    this.plans = plans;
    this.training = training;
    this.feeder = feeder;
    this.events = events;
    this.first = first;
  }

  /**
   * Starts the ranks for the first time.
   *
   * @param plans what to start, by attempt
   * @param first number of the first attempt, from 1
   * @throws LastmileException RESOURCES when they cannot be started
   */
  static Attempts start(
      Launcher launcher,
      IntFunction<RankPlan> plans,
      Training training,
      Feeder feeder,
      RunEvents events,
      int first) {
    Attempts attempts = new Attempts(launcher, plans, training, feeder, events, first);
    boolean _ = attempts.begin(first);
    return attempts;
  }

  /** Starts the ranks of an attempt, if nobody has cancelled meanwhile. */
  private boolean begin(int number) {
    feeder.begin(number);
    Ranks started;
    synchronized (this) {
      if (cancelled || feedFailure() != null) {
        return false;
      }
      events.begins(number);
      started = launcher.start(plans.apply(number), events);
      attempt = number;
      ranks = started;
    }
    CompletableFuture<Void> _ =
        feeder.misuse().thenAccept(told -> endSoon(started, told.failure())).toCompletableFuture();
    return true;
  }

  /**
   * Waits until no process of any rank is left and none is going to be started again.
   *
   * @return how the last attempt ended; its failure is the feeds', where that ended the ranks
   */
  RanksEnd await() throws InterruptedException {
    RanksEnd end = awaitOne();
    while (mayGoOn(end)) {
      try {
        if (!begin(attempt() + 1)) {
          break;
        }
      } catch (LastmileException e) {
        return new RanksEnd(end.exitCodes(), List.of(), e);
      }
      end = awaitOne();
    }
    return told(end);
  }

  private RanksEnd awaitOne() throws InterruptedException {
    Ranks now = ranks();
    Duration stall = training.stallTimeout();
    if (now == null) {
      throw new IllegalStateException("No ranks have been started");
    }
    if (stall == null) {
      return now.await();
    }
    try (StallWatch _ = StallWatch.start(feeder, now, training.ranks(), stall)) {
      return now.await();
    }
  }

  /**
   * Whether ranks that ended so are started again: not when the data is at fault, a misuse, or a
   * mistake.
   */
  private boolean mayGoOn(RanksEnd end) {
    return end.failure() != null
        && feedFailure() == null
        && misuse(end) == null
        && feeder.mistake() == null
        && restarts() < training.restarts();
  }

  private RanksEnd told(RanksEnd end) {
    LastmileException feed = feedFailure();
    Misuse misuse = misuse(end);
    LastmileException failure =
        feed != null
            ? feed
            : misuse != null ? misuse.failure() : restartedInVain(mistaken(end.failure()));
    return new RanksEnd(end.exitCodes(), end.failed(), failure);
  }

  private @Nullable LastmileException mistaken(@Nullable LastmileException failure) {
    LastmileException mistake = feeder.mistake();
    return failure == null || mistake == null || restarts() == training.restarts()
        ? failure
        : LastmileException.of(
            failure.kind(),
            "%s; not restarted, since that would not help: %s"
                .formatted(failure.text(), mistake.text()));
  }

  private @Nullable LastmileException restartedInVain(@Nullable LastmileException failure) {
    int restarts = restarts();
    return failure == null || restarts == 0
        ? failure
        : LastmileException.of(
            failure.kind(),
            "%s; the ranks had been restarted %s (train.restarts)"
                .formatted(failure.text(), restarts == 1 ? "once" : restarts + " times"));
  }

  private @Nullable LastmileException feedFailure() {
    return feeder.failure().toCompletableFuture().getNow(null);
  }

  /** A rank that failed has closed its feeds too: that is no misuse, whoever waited for it. */
  private @Nullable Misuse misuse(RanksEnd end) {
    Misuse misuse = feeder.misuse().toCompletableFuture().getNow(null);
    return misuse == null || end.failed().contains(misuse.rank()) ? null : misuse;
  }

  private void endSoon(Ranks of, LastmileException failure) {
    events.feedsEnded(failure);
    CompletableFuture.delayedExecutor(LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS)
        .execute(of::cancel);
  }

  /** Ends the ranks soon, because of a failure that their feeds tell them. */
  void endSoon(LastmileException failure) {
    Ranks now = ranks();
    if (now != null) {
      endSoon(now, failure);
    }
  }

  /** How often this driver has started the ranks again. */
  synchronized int restarts() {
    return Math.max(0, attempt - first);
  }

  /** The attempt that goes on, or the last, from 1. */
  synchronized int attempt() {
    return attempt;
  }

  private synchronized @Nullable Ranks ranks() {
    return ranks;
  }

  /** Ends the ranks, and starts none again. Returns without waiting. Idempotent. */
  synchronized void cancel() {
    cancelled = true;
    if (ranks != null) {
      ranks.cancel();
    }
  }
}
