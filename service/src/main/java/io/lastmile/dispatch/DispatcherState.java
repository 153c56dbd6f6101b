package io.lastmile.dispatch;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which splits of an epoch are being run by whom, and the staging they may use. Immutable and pure:
 * no clock, no lock, no thread.
 *
 * <p>Splits are assigned strictly in ordinal order. Each reserves the bytes that its rows may need
 * while they wait; the lowest one is always assigned, without a reservation when there is no room,
 * because its rows need not wait.
 *
 * <p>A split that failed goes before all that have not been run. It keeps what was reserved for it,
 * so that it can be run again whatever the others have taken: also where the run before was given
 * up for its time, and its thread still holds memory. That memory comes on top of the budget of the
 * lowest split until the thread returns; the others have the less room meanwhile.
 *
 * <p>The rows of one split at a time go into the sequence: those of the lowest one, or of the first
 * one of a few that has finished, as {@link Turns} say. The lowest one may go there at any time
 * that no other does, so it needs no room for its rows.
 *
 * @param turns which split may be next in the sequence
 * @param next ordinal that is assigned next
 * @param end ordinal behind the last split
 * @param ahead how many splits may be assigned and not be in the sequence
 * @param budget bytes of staging in all
 * @param open splits that are assigned and not in the sequence yet, by ordinal
 * @param abandoned bytes that runs hold which deliver nothing any more, until their threads return
 * @param current the split of which rows are in the sequence, and may not be all; -1: none
 * @param appending the lease whose rows go into the sequence at this moment; null: none
 * @param nanos how long the last runs took that finished
 */
public record DispatcherState(
    Turns turns,
    int next,
    int end,
    int ahead,
    long budget,
    NavigableMap<Integer, OpenSplit> open,
    Map<Lease, Long> abandoned,
    int current,
    @Nullable Lease appending,
    List<Long> nanos) {
  /**
   * A run is slow when it takes that many times the median: row groups of one table differ in size
   * and in what a filter leaves of them, rarely by more, and a second run costs a whole split.
   */
  private static final int SLOW = 3;

  /** A second run cannot win back much of less time than this. */
  private static final long SLOW_NANOS = 1_000_000_000;

  /** Fewer finished runs say nothing of how long one takes. */
  private static final int FEWEST_FINISHED = 3;

  /** Runs that the median is of: enough to be steady, few enough to follow a change of the rows. */
  private static final int MOST_FINISHED = 31;

  /** What happened. */
  public sealed interface Event {
    /**
     * The next split goes to a worker, with a reservation.
     *
     * @param worker number of it
     * @param bytes reserved
     */
    record Assigned(int worker, long bytes) implements Event {}

    /** A split that nobody runs any more, or that is run too slowly, goes to a worker. */
    record Repeated(int ordinal, int worker) implements Event {}

    /** The rows of a split need more than was reserved for them. */
    record Extended(Lease lease, long bytes) implements Event {}

    /** Rows of a split begin to go into the sequence. */
    record Entered(Lease lease) implements Event {}

    /** They have gone there, for now. */
    record Left(Lease lease) implements Event {}

    /**
     * All rows of a split have been read.
     *
     * @param nanos that it took
     */
    record Finished(Lease lease, long nanos) implements Event {}

    /** A run has failed, and given its memory back. */
    record Failed(Lease lease) implements Event {}

    /** A run takes too long: it delivers nothing any more, but its thread has not returned. */
    record Expired(Lease lease) implements Event {}

    /** The thread of a run that delivers nothing has given its memory back. */
    record Returned(Lease lease) implements Event {}

    /** The rows of a split are all in the sequence; its reservation is free again. */
    record Appended(int ordinal) implements Event {}

    /** Splits before an ordinal that are not finished are not needed. */
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
    open = new TreeMap<>(open);
    abandoned = Map.copyOf(abandoned);
    nanos = List.copyOf(nanos);
  }

  /** The state before the first assignment. */
  public static DispatcherState starting(int first, int end, int ahead, long budget) {
    return starting(Turns.IN_ORDER, -1, first, end, ahead, budget, Map.of());
  }

  /**
   * The state before the first assignment, when some splits are finished already.
   *
   * @param current the split of which rows are in the sequence already; -1: none
   * @param warm bytes of these splits, by ordinal
   */
  public static DispatcherState starting(
      Turns turns,
      int current,
      int first,
      int end,
      int ahead,
      long budget,
      Map<Integer, Long> warm) {
    NavigableMap<Integer, OpenSplit> open = new TreeMap<>();
    warm.forEach((ordinal, bytes) -> open.put(ordinal, OpenSplit.warm(Lease.warm(ordinal), bytes)));
    int next = unassigned(first, end, open);
    return new DispatcherState(
        turns, next, end, ahead, budget, open, Map.of(), current, null, List.of());
  }

  private static int unassigned(int from, int end, Map<Integer, OpenSplit> open) {
    int next = from;
    while (next < end && open.containsKey(next)) {
      next++;
    }
    return next;
  }

  // -- what may be done

  /** How the next split may be run now; null: not yet, or there is none. */
  public @Nullable Mode assignable(long bytes) {
    boolean lowest = turn() == next;
    if (next >= end || (!lowest && open.headMap(next).size() >= ahead)) {
      return null;
    }
    if (extensible(next, bytes)) {
      return Mode.STAGED;
    }
    return lowest ? Mode.STREAMED : null;
  }

  /**
   * The lowest split that nobody runs any more, and a worker may; -1: there is none.
   *
   * @param worker that asks
   * @param others whether other workers have nothing to do: then one that failed leaves it to them
   */
  public int repeatable(int worker, boolean others) {
    for (Map.Entry<Integer, OpenSplit> split : open.entrySet()) {
      if (split.getValue().isWaiting()) {
        return others && split.getValue().failedOn() == worker ? -1 : split.getKey();
      }
    }
    return -1;
  }

  /**
   * The run that blocks the sequence: the only one of the lowest split that is not finished, unless
   * its rows wait for the ranks. Null: there is none.
   */
  public @Nullable Lease blocking() {
    for (OpenSplit split : open.values()) {
      if (split.finished() == null) {
        List<OpenSplit.Run> runs = split.runs();
        Lease only = runs.size() == 1 ? runs.getFirst().lease() : null;
        return only == null || only.equals(appending) ? null : only;
      }
    }
    return null;
  }

  /**
   * How long the run that blocks the sequence may go on before it is {@link Event.Repeated} for
   * workers that have nothing to do; {@link Long#MAX_VALUE}: for any time, since nobody knows how
   * long it should take, or there is no room.
   */
  public long patienceNanos() {
    Lease lease = blocking();
    if (lease == null || nanos.size() < FEWEST_FINISHED) {
      return Long.MAX_VALUE;
    }
    OpenSplit split = opened(lease.ordinal());
    if (split.mode() == Mode.STREAMED || free() < split.bytes()) {
      return Long.MAX_VALUE;
    }
    List<Long> sorted = nanos.stream().sorted().toList();
    return Math.max(SLOW_NANOS, SLOW * sorted.get(sorted.size() / 2));
  }

  /**
   * Whether a split may use more staging than was reserved for it. What abandoned runs hold does
   * not keep the lowest one from that, as nobody knows when their threads return.
   */
  public boolean extensible(int ordinal, long bytes) {
    return (ordinal == lowest() ? budget - used() : free()) >= bytes;
  }

  /** The lowest split that is not finished. */
  private int lowest() {
    for (Map.Entry<Integer, OpenSplit> split : open.headMap(next).entrySet()) {
      if (split.getValue().finished() == null) {
        return split.getKey();
      }
    }
    return next;
  }

  /** Whether a run goes on whose rows are needed. */
  public boolean holds(Lease lease) {
    OpenSplit split = open.get(lease.ordinal());
    return split != null && split.run(lease) != null;
  }

  /** Whether rows of a lease may go into the sequence now. */
  public boolean enterable(Lease lease) {
    OpenSplit split = open.get(lease.ordinal());
    if (appending != null || split == null || (current >= 0 && current != lease.ordinal())) {
      return false;
    }
    return lease.equals(split.finished())
        ? current >= 0 || (lease.ordinal() < next && turns.mayBeNext(lease.ordinal(), turn()))
        : split.run(lease) != null && (current >= 0 || turn() == lease.ordinal());
  }

  /** The lowest finished split whose rows may be next in the sequence; null: none is there yet. */
  public @Nullable Lease appendable() {
    for (OpenSplit split : open.values()) {
      Lease finished = split.finished();
      if (finished != null && enterable(finished)) {
        return finished;
      }
    }
    return null;
  }

  /** The lowest ordinal whose rows are not all in the sequence. */
  public int turn() {
    return open.isEmpty() ? next : Math.min(next, open.firstKey());
  }

  /** Whether every split has been assigned. */
  public boolean exhausted() {
    return next >= end;
  }

  /** Whether every split has been assigned, and finished. */
  public boolean complete() {
    return exhausted() && open.values().stream().allMatch(split -> split.finished() != null);
  }

  /** How often a split has failed. */
  public int failures(int ordinal) {
    OpenSplit split = open.get(ordinal);
    return split == null ? 0 : split.failures();
  }

  /** How a split is run. */
  Mode mode(int ordinal) {
    return opened(ordinal).mode();
  }

  /** The run of a split that began last. */
  OpenSplit.Run begun(int ordinal) {
    return opened(ordinal).runs().getLast();
  }

  /** The runs that go on. */
  public List<Lease> leases() {
    return open.values().stream()
        .flatMap(split -> split.runs().stream())
        .map(OpenSplit.Run::lease)
        .toList();
  }

  /** Bytes that are reserved. */
  long used() {
    return open.values().stream().mapToLong(OpenSplit::bytes).sum();
  }

  /** What is left of the budget. */
  private long free() {
    return budget - used() - abandoned.values().stream().mapToLong(Long::longValue).sum();
  }

  private OpenSplit opened(int ordinal) {
    OpenSplit split = open.get(ordinal);
    if (split == null) {
      throw new IllegalStateException("split " + ordinal + " is not open");
    }
    return split;
  }

  // -- what happened

  /** The state after an event. */
  public DispatcherState apply(Event event) {
    return switch (event) {
      case Event.Assigned assigned -> assigned(assigned);
      case Event.Repeated repeated -> repeated(repeated);
      case Event.Extended extended -> extended(extended.lease(), extended.bytes());
      case Event.Entered entered -> appending(entered.lease().ordinal(), entered.lease());
      case Event.Left _ -> appending(current, null);
      case Event.Finished finished -> finished(finished);
      case Event.Failed failed -> failed(failed.lease(), false);
      case Event.Expired expired -> failed(expired.lease(), true);
      case Event.Returned returned -> returned(returned.lease());
      case Event.Appended appended -> appended(appended.ordinal());
      case Event.Skipped skipped -> skipped(Math.min(skipped.to(), end));
    };
  }

  private DispatcherState assigned(Event.Assigned event) {
    Mode mode = assignable(event.bytes());
    if (mode == null) {
      throw new IllegalStateException("split " + next + " cannot be assigned");
    }
    Lease lease = new Lease(next, 0, event.worker());
    long bytes = mode == Mode.STAGED ? event.bytes() : 0;
    NavigableMap<Integer, OpenSplit> now = new TreeMap<>(open);
    now.put(next, OpenSplit.assigned(mode, 0).begin(lease, 0, bytes));
    return with(unassigned(next + 1, end, now), now, abandoned);
  }

  private DispatcherState repeated(Event.Repeated event) {
    OpenSplit split = opened(event.ordinal());
    Lease lease = new Lease(event.ordinal(), split.begun(), event.worker());
    return split.isWaiting()
        ? with(event.ordinal(), split.begin(lease, 0, split.kept()))
        : with(event.ordinal(), split.begin(lease, split.kept(), split.bytes()));
  }

  private DispatcherState extended(Lease lease, long bytes) {
    return with(lease.ordinal(), opened(lease.ordinal()).extend(lease, bytes));
  }

  private DispatcherState finished(Event.Finished event) {
    OpenSplit split = opened(event.lease().ordinal());
    OpenSplit.Run run = split.run(event.lease());
    if (run == null) {
      return this;
    }
    Map<Lease, Long> held = new HashMap<>(abandoned);
    split.without(run).forEach(other -> held.put(other.lease(), other.bytes()));
    NavigableMap<Integer, OpenSplit> now = new TreeMap<>(open);
    now.put(event.lease().ordinal(), split.finish(run));
    List<Long> last = new ArrayList<>(nanos);
    last.add(event.nanos());
    int from = Math.max(0, last.size() - MOST_FINISHED);
    return new DispatcherState(
        turns,
        next,
        end,
        ahead,
        budget,
        now,
        held,
        current,
        appending,
        last.subList(from, last.size()));
  }

  private DispatcherState failed(Lease lease, boolean held) {
    OpenSplit split = open.get(lease.ordinal());
    OpenSplit.Run run = split == null ? null : split.run(lease);
    if (split == null || run == null) {
      return held ? this : returned(lease);
    }
    DispatcherState failed = with(lease.ordinal(), split.fail(run));
    return held ? failed.abandoning(List.of(run)) : failed;
  }

  private DispatcherState abandoning(List<OpenSplit.Run> runs) {
    Map<Lease, Long> held = new HashMap<>(abandoned);
    runs.forEach(run -> held.put(run.lease(), run.bytes()));
    return with(next, open, held);
  }

  private DispatcherState returned(Lease lease) {
    Map<Lease, Long> held = new HashMap<>(abandoned);
    held.remove(lease);
    return with(next, open, held);
  }

  private DispatcherState appended(int ordinal) {
    NavigableMap<Integer, OpenSplit> now = new TreeMap<>(open);
    now.remove(ordinal);
    DispatcherState rest = with(next, now, abandoned);
    return ordinal == current ? rest.appending(-1, null) : rest;
  }

  private DispatcherState skipped(int to) {
    NavigableMap<Integer, OpenSplit> now = new TreeMap<>(open);
    List<OpenSplit.Run> runs = new ArrayList<>();
    for (Map.Entry<Integer, OpenSplit> split : open.headMap(to).entrySet()) {
      if (split.getValue().finished() == null) {
        runs.addAll(split.getValue().runs());
        now.remove(split.getKey());
      }
    }
    return with(unassigned(Math.max(next, to), end, now), now, abandoned).abandoning(runs);
  }

  private DispatcherState appending(int of, @Nullable Lease lease) {
    return new DispatcherState(turns, next, end, ahead, budget, open, abandoned, of, lease, nanos);
  }

  private DispatcherState with(int ordinal, OpenSplit split) {
    NavigableMap<Integer, OpenSplit> now = new TreeMap<>(open);
    now.put(ordinal, split);
    return with(next, now, abandoned);
  }

  private DispatcherState with(
      int newNext, NavigableMap<Integer, OpenSplit> newOpen, Map<Lease, Long> newAbandoned) {
    return new DispatcherState(
        turns, newNext, end, ahead, budget, newOpen, newAbandoned, current, appending, nanos);
  }
}
