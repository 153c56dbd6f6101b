package io.lastmile;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.Feeder;
import io.lastmile.launch.RanksEnd;
import io.lastmile.run.RunRecord;
import io.lastmile.run.Summary;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One execution of an experiment, begun by {@link Lastmile#launch}. It goes on by itself until the
 * script has ended in every rank, something failed, or it was cancelled.
 *
 * <p>Every method may be called from any thread.
 */
public final class Run {
  private final RunRecord record;
  private final Feeder feeder;
  private final Attempts attempts;

  /** Why it was cancelled, if it was; set once, by whoever cancels first. */
  private final AtomicReference<@Nullable Cancellation> cancellation = new AtomicReference<>();

  /** Completed by the supervising thread when nothing of the run is left. */
  private final CompletableFuture<Summary> done = new CompletableFuture<>();

  private Run(RunRecord record, Feeder feeder, Attempts attempts) {
    this.record = record;
    this.feeder = feeder;
    this.attempts = attempts;
  }

  /** Supervises running feeds and ranks on a thread of its own. */
  static Run supervise(
      Feeder feeder, Attempts attempts, RunEvents events, Conclusion conclusion, Opened opened) {
    Run run = new Run(conclusion.record(), feeder, attempts);
    CompletableFuture<Void> _ =
        feeder.failure().thenAccept(attempts::endSoon).toCompletableFuture();
    Thread _ =
        Thread.ofPlatform()
            .name("lastmile-" + run.id())
            .start(() -> run.finish(events, conclusion, opened));
    return run;
  }

  private void finish(RunEvents events, Conclusion conclusion, Opened opened) {
    Summary summary = null;
    Throwable fault = null;
    try {
      RanksEnd end = attempts.await();
      RuntimeException closing = closeFeeds();
      FeedProgress last = feeder.progress();
      events.observe(last, feeder.history());
      Summary.Exit exit = closing == null ? exit(end, conclusion) : conclusion.exit(closing);
      summary = conclusion.write(exit, restarts(), end.exitCodes(), last);
    } catch (InterruptedException | RuntimeException e) {
      attempts.cancel();
      fault = e;
    }
    opened.close(record);
    if (summary != null) {
      done.complete(summary);
    } else if (fault != null) {
      done.completeExceptionally(fault);
    }
  }

  private @Nullable RuntimeException closeFeeds() {
    try {
      feeder.close();
      return null;
    } catch (RuntimeException e) {
      return e;
    }
  }

  private Summary.Exit exit(RanksEnd end, Conclusion conclusion) {
    Cancellation why = cancellation.get();
    if (why != null) {
      return Conclusion.exit(why);
    }
    LastmileException failure = end.failure();
    return failure == null ? Summary.Exit.OK : conclusion.exit(failure);
  }

  /** {@code <name>-<n>}, the name of its record's folder. */
  public String id() {
    return record.id();
  }

  /** The folder of its record, absolute. */
  public Path record() {
    return record.folder();
  }

  /** How far its feeds are; after the end, how far they came. */
  public FeedProgress progress() {
    return feeder.progress();
  }

  /** How often its ranks have been started again, by this driver and by those before it. */
  public int restarts() {
    return attempts.attempt() - 1;
  }

  /**
   * Waits until nothing of the run is left and its summary is written. A run that failed or was
   * cancelled says so in {@link Summary#exit()}.
   *
   * @throws LastmileException when the summary could not be written
   * @throws InterruptedException when the waiting thread is interrupted; the run goes on
   */
  public Summary await() throws InterruptedException {
    try {
      return done.get();
    } catch (ExecutionException e) {
      throw failure(e);
    }
  }

  /** As {@link #await()}, but gives up after a time and returns null. */
  public @Nullable Summary await(Duration timeout) throws InterruptedException {
    try {
      return done.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException _) {
      return null;
    } catch (ExecutionException e) {
      throw failure(e);
    }
  }

  private static LastmileException failure(ExecutionException e) {
    return e.getCause() instanceof LastmileException known
        ? known
        : LastmileException.of(FailureKind.INTERNAL, String.valueOf(e.getCause()), e);
  }

  /** The summary; null while the run goes on. */
  public @Nullable Summary summary() {
    return done.isDone() && !done.isCompletedExceptionally() ? done.join() : null;
  }

  /** As {@link #cancel(Cancellation)}, because a program asks for it. */
  public void cancel() {
    cancel(Cancellation.REQUESTED);
  }

  /**
   * Ends the run: its ranks are asked to end, and made to after a second. Returns without waiting;
   * {@link #await} returns within two seconds. Only the first call counts, and none after the end.
   */
  public void cancel(Cancellation why) {
    if (cancellation.compareAndSet(null, why)) {
      feeder.fail(LastmileException.of(FailureKind.CANCELLED, why.message()));
      attempts.cancel();
    }
  }
}
