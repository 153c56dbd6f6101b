package io.lastmile.dispatch;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which splits of an epoch are being run, and the staging they may use. Immutable and pure: no
 * clock, no lock, no thread.
 *
 * <p>Splits are assigned strictly in ordinal order. Each reserves the bytes that its rows may need
 * while they wait; the lowest unfinished one is always assigned, without a reservation when there
 * is no room, because its rows need not wait.
 *
 * @param next ordinal that is assigned next
 * @param end ordinal behind the last split
 * @param budget bytes of staging in all
 * @param reserved bytes by ordinal, of the splits that are being run
 */
public record DispatcherState(int next, int end, long budget, Map<Integer, Long> reserved) {
  /** What happened. */
  public sealed interface Event {
    /** The next split goes to a worker, with a reservation. */
    record Assigned(long bytes) implements Event {}

    /** The rows of a split need more than was reserved for them. */
    record Extended(int ordinal, long bytes) implements Event {}

    /** The rows of a split are all in the sequence; its reservation is free again. */
    record Appended(int ordinal) implements Event {}

    /** Splits before an ordinal that have not been assigned are not needed. */
    record Skipped(int to) implements Event {}
  }

  /** How a split may be run. */
  public enum Mode {
    /** Its rows wait in staging until it is their turn. */
    STAGED,
    /** There is no room for its rows: the worker waits for its turn first. */
    STREAMED
  }

  public DispatcherState {
    reserved = Map.copyOf(reserved);
  }

  /** The state before the first assignment. */
  public static DispatcherState starting(int first, int end, long budget) {
    return new DispatcherState(first, end, budget, Map.of());
  }

  /** How the next split may be run now; null: not yet, or there is none. */
  public @Nullable Mode assignable(long bytes) {
    if (next >= end) {
      return null;
    }
    if (free() >= bytes) {
      return Mode.STAGED;
    }
    return reserved.isEmpty() ? Mode.STREAMED : null;
  }

  /** Whether a split may use more staging than was reserved for it. */
  public boolean extensible(long bytes) {
    return free() >= bytes;
  }

  /** Whether every split has been assigned. */
  public boolean exhausted() {
    return next >= end;
  }

  private long free() {
    return budget - used();
  }

  /** Bytes that are reserved. */
  long used() {
    return reserved.values().stream().mapToLong(Long::longValue).sum();
  }

  /** The state after an event. */
  public DispatcherState apply(Event event) {
    Map<Integer, Long> now = new TreeMap<>(reserved);
    return switch (event) {
      case Event.Assigned assigned -> {
        now.put(next, assignable(assigned.bytes()) == Mode.STAGED ? assigned.bytes() : 0L);
        yield new DispatcherState(next + 1, end, budget, now);
      }
      case Event.Extended extended -> {
        now.merge(extended.ordinal(), extended.bytes(), Long::sum);
        yield new DispatcherState(next, end, budget, now);
      }
      case Event.Appended appended -> {
        now.remove(appended.ordinal());
        yield new DispatcherState(next, end, budget, now);
      }
      case Event.Skipped skipped ->
          new DispatcherState(Math.max(next, Math.min(skipped.to(), end)), end, budget, now);
    };
  }
}
