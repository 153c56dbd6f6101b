package io.lastmile.worker;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.sequence.Position;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The end of an epoch for whoever waits for it, and what was left out until then. Any thread. */
public final class EpochEnd implements EpochRun.Listener {
  private final CompletableFuture<Position> end = new CompletableFuture<>();
  private final Queue<String> skipped = new ConcurrentLinkedQueue<>();

  @Override
  public void ended(Position next) {
    boolean _ = end.complete(next);
  }

  @Override
  public void failed(LastmileException failure) {
    boolean _ = end.completeExceptionally(failure);
  }

  @Override
  public void skipped(String file, int rowGroup, String why) {
    skipped.add(Diagnosis.Skips.words(file, rowGroup, why));
  }

  /** The row groups that were left out, each once, in words. */
  public List<String> skipped() {
    return skipped.stream().distinct().sorted().toList();
  }

  /**
   * Waits until all steps have been published.
   *
   * @throws LastmileException when the epoch failed
   */
  public void await() throws InterruptedException {
    boolean _ = await(Duration.ofSeconds(Long.MAX_VALUE));
  }

  /** As {@link #await()}, but no longer than that; false: it goes on. */
  public boolean await(Duration timeout) throws InterruptedException {
    try {
      Position _ = end.get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException _) {
      return false;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof LastmileException known
          ? known
          : LastmileException.of(FailureKind.INTERNAL, String.valueOf(e.getCause()), e);
    }
  }
}
