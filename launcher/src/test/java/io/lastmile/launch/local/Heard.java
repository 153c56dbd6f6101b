package io.lastmile.launch.local;

import io.lastmile.error.LastmileException;
import io.lastmile.launch.RankListener;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Keeps what a listener was told. */
final class Heard implements RankListener {
  final List<String> lines = new CopyOnWriteArrayList<>();
  final Map<Integer, Long> pids = new ConcurrentHashMap<>();
  final Map<Integer, Integer> exitCodes = new ConcurrentHashMap<>();
  final List<LastmileException> failures = new CopyOnWriteArrayList<>();
  private final CountDownLatch ready;

  /** Waits for this many lines {@code ready}. */
  Heard(int ready) {
    this.ready = new CountDownLatch(ready);
  }

  @Override
  public void started(int rank, long pid) {
    pids.put(rank, pid);
  }

  @Override
  public void line(int rank, Channel channel, String line) {
    lines.add(rank + " " + channel + " " + line);
    if (line.equals("ready")) {
      ready.countDown();
    }
  }

  @Override
  public void failed(LastmileException failure) {
    failures.add(failure);
  }

  @Override
  public void ended(int rank, int exitCode) {
    exitCodes.put(rank, exitCode);
  }

  void awaitReady() throws InterruptedException {
    if (!ready.await(10, TimeUnit.SECONDS)) {
      throw new AssertionError("not ready: " + lines);
    }
  }
}
