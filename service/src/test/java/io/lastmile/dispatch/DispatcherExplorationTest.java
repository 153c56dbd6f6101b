package io.lastmile.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dispatch.DispatcherState.Event;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The rule of who runs which split, in thousands of random orders of what may happen: runs that
 * finish, fail, take too long or never return, second runs, rows that stream, splits that are warm
 * or not needed. After each event no split is lost and none delivered twice, the budget is held,
 * and whatever has happened, the rest can still be delivered: by those who are there, and by others
 * who go on from where the sequence is, in order or as splits arrive.
 */
class DispatcherExplorationTest {
  private static final int ORDERS = 1500;
  private static final int MOST_EVENTS = 120;
  private static final int ROWS = 3;

  /** How the rows of a feed leave. */
  enum Kind {
    /** As they come, when it is the turn of their split. */
    STREAMED_TABLE(true, false),
    /** The same, or those of a finished split of the few that are next. */
    STREAMED_ARRIVAL(true, true),
    /** Split by split. */
    SHUFFLED_TABLE(false, false),
    /** Split by split, a finished one of the few that are next. */
    SHUFFLED_ARRIVAL(false, true),
    /** To one who takes them from a member of a mix. */
    MIX_MEMBER(false, false);

    private final boolean streams;
    private final boolean arrival;

    Kind(boolean streams, boolean arrival) {
      this.streams = streams;
      this.arrival = arrival;
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsLostWhateverHappens(Kind kind) {
    long first = new Random().nextLong();
    for (long seed = first; seed < first + ORDERS; seed++) {
      explore(kind, seed);
    }
  }

  private static void explore(Kind kind, long seed) {
    Random random = new Random(seed);
    Model model = new Model(kind, random);
    try {
      for (int event = 0; event < MOST_EVENTS && !model.isOver(); event++) {
        model.step(random);
        model.check();
        new Model(model).deliverRest();
        if (kind != Kind.MIX_MEMBER && !model.isOver()) {
          new Model(model, random).deliverRest();
        }
      }
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(
          "%s, seed %d, after: %s%n%s%n%s"
              .formatted(kind, seed, model.history, model.turns, model.state),
          e);
    }
  }

  /** What a thread does. */
  private record Doing(Lease lease, boolean hangs, boolean waits) {}

  /** The workers and the sequence around the state. */
  private static final class Model {
    private final Kind kind;
    private final int end;
    private final long budget;

    /** What a split needs, and what its footers promised. */
    private final long[] needed;

    private final long[] promised;
    private final List<String> history = new ArrayList<>();

    /** By worker; no entry: nothing. */
    private final Map<Integer, Doing> doing = new TreeMap<>();

    /** Rows of each run that have been offered to the sequence. */
    private final Map<Lease, Integer> offered = new HashMap<>();

    private final List<Integer> idle = new ArrayList<>();
    private DispatcherState state;
    private int workers;

    /** Those whose thread was given up: another has taken its place. */
    private final TreeSet<Integer> replaced = new TreeSet<>();

    private final Turns turns;

    /** The sequence: the splits that are wholly in. */
    private final TreeSet<Integer> delivered = new TreeSet<>();

    /** The split of which rows are in, -1: none; and how many of them are. */
    private int current = -1;

    private int rows;

    /** The lowest that may be taken: what lies before was skipped. */
    private int needs;

    Model(Kind kind, Random random) {
      this.kind = kind;
      this.end = 2 + random.nextInt(9);
      this.workers = 1 + random.nextInt(4);
      this.needed = new long[end];
      this.promised = new long[end];
      long largest = 1;
      for (int i = 0; i < end; i++) {
        needed[i] = random.nextLong(1, 40);
        boolean exact = !kind.streams || random.nextInt(3) > 0;
        promised[i] = exact ? needed[i] : random.nextLong(1, 60);
        largest = Math.max(largest, needed[i]);
      }
      this.budget = kind.streams ? random.nextLong(100) : largest + random.nextLong(80);
      this.needs = random.nextInt(end);
      for (int ordinal = 0; ordinal < needs; ordinal++) {
        delivered.add(ordinal);
      }
      this.turns = turns(kind, random, IntStream.range(0, end).boxed().toList());
      int ahead = kind == Kind.MIX_MEMBER ? Integer.MAX_VALUE : 1 + random.nextInt(2 * workers);
      Map<Integer, Long> warm = warm(largest, random);
      state = DispatcherState.starting(turns, -1, needs, end, ahead, budget, warm);
      for (int worker = 0; worker < workers; worker++) {
        idle.add(worker);
      }
    }

    private static Turns turns(Kind kind, Random random, List<Integer> ordinals) {
      return kind.arrival ? new Turns(2 + random.nextInt(4), ordinals) : Turns.IN_ORDER;
    }

    /** Others go on from where a sequence is: the split that is begun comes first. */
    Model(Model of, Random random) {
      kind = anyOf(of.kind, random);
      List<Integer> rest = new ArrayList<>();
      if (of.rows > 0) {
        rest.add(of.current);
      }
      for (int place = 0; place < of.end; place++) {
        if (!of.delivered.contains(place) && !rest.contains(place)) {
          rest.add(place);
        }
      }
      end = rest.size();
      workers = 1 + random.nextInt(4);
      budget = kind.streams ? random.nextLong(100) : of.budget;
      needed = rest.stream().mapToLong(place -> of.needed[place]).toArray();
      promised =
          kind.streams ? rest.stream().mapToLong(place -> of.promised[place]).toArray() : needed;
      turns = turns(kind, random, rest);
      current = of.rows > 0 ? 0 : -1;
      rows = of.rows;
      history.add("going on with " + rest);
      long largest = Arrays.stream(needed).max().orElse(0);
      int ahead = 1 + random.nextInt(2 * workers);
      state =
          DispatcherState.starting(turns, current, 0, end, ahead, budget, warm(largest, random));
      for (int worker = 0; worker < workers; worker++) {
        idle.add(worker);
      }
    }

    private static Kind anyOf(Kind kind, Random random) {
      boolean arrival = random.nextBoolean();
      return kind.streams
          ? (arrival ? Kind.STREAMED_ARRIVAL : Kind.STREAMED_TABLE)
          : (arrival ? Kind.SHUFFLED_ARRIVAL : Kind.SHUFFLED_TABLE);
    }

    private Map<Integer, Long> warm(long largest, Random random) {
      Map<Integer, Long> warm = new HashMap<>();
      long room = budget - largest;
      for (int i = needs; i < end && random.nextInt(3) > 0; i++) {
        if (random.nextBoolean() && needed[i] <= room) {
          warm.put(i, needed[i]);
          room -= needed[i];
        }
      }
      return warm;
    }

    Model(Model of) {
      kind = of.kind;
      end = of.end;
      budget = of.budget;
      needed = of.needed;
      promised = of.promised;
      history.addAll(of.history);
      doing.putAll(of.doing);
      offered.putAll(of.offered);
      idle.addAll(of.idle);
      state = of.state;
      workers = of.workers;
      replaced.addAll(of.replaced);
      turns = of.turns;
      delivered.addAll(of.delivered);
      current = of.current;
      rows = of.rows;
      needs = of.needs;
    }

    boolean isOver() {
      return delivered.size() == end;
    }

    /** The lowest that is not wholly in the sequence. */
    private int lowest() {
      int lowest = 0;
      while (delivered.contains(lowest)) {
        lowest++;
      }
      return lowest;
    }

    private void apply(Event event) {
      history.add(event.toString());
      state = state.apply(event);
    }

    private Doing of(int worker) {
      return Objects.requireNonNull(doing.get(worker));
    }

    // -- what may happen

    void step(Random random) {
      int what = random.nextInt(12);
      if (what < 4 && !idle.isEmpty()) {
        ask(idle.get(random.nextInt(idle.size())), true);
      } else if (what < 6) {
        takeFinished();
      } else if (what == 6 && kind == Kind.MIX_MEMBER && random.nextInt(20) == 0) {
        skip(lowest() + random.nextInt(end - lowest() + 1));
      } else if (!doing.isEmpty()) {
        List<Integer> busy = List.copyOf(doing.keySet());
        goOn(busy.get(random.nextInt(busy.size())), random);
      }
    }

    private void goOn(int worker, Random random) {
      Doing now = of(worker);
      boolean valid = state.holds(now.lease());
      int what = random.nextInt(10);
      if (now.hangs()) {
        if (valid) {
          expire(worker);
        } else if (!replaced.contains(worker)) {
          replace(worker);
        } else if (what == 0) {
          done(worker, new Event.Returned(now.lease()), false);
        }
      } else if (!valid) {
        done(worker, new Event.Returned(now.lease()), true);
      } else if (what == 0 && state.failures(now.lease().ordinal()) < 2) {
        done(worker, new Event.Failed(now.lease()), true);
      } else if (what == 1 && !now.waits() && state.failures(now.lease().ordinal()) < 2) {
        doing.put(worker, new Doing(now.lease(), true, false));
      } else {
        work(worker, what);
      }
    }

    /** A thread has nothing to do any more; one that was given up does not come back. */
    private void done(int worker, Event event, boolean living) {
      apply(event);
      doing.remove(worker);
      if (living) {
        idle.add(worker);
      }
    }

    /** A run is given up, and another thread takes the place of its thread. */
    private void expire(int worker) {
      apply(new Event.Expired(of(worker).lease()));
      replace(worker);
    }

    /** So does one of which the run is not needed any more, and does not end. */
    private void replace(int worker) {
      replaced.add(worker);
      idle.add(workers++);
    }

    /** A run goes on: it streams a row, needs more room, or finishes. */
    private void work(int worker, int what) {
      Lease lease = of(worker).lease();
      boolean turn = state.enterable(lease);
      if (kind.streams && turn && what < 5) {
        stream(lease);
        doing.put(worker, new Doing(lease, false, false));
      } else if (of(worker).waits() && !turn) {
        assertThat(kind.streams).isTrue();
      } else if (hasRoom(worker, lease, turn)) {
        done(worker, new Event.Finished(lease, what), true);
      }
    }

    private void stream(Lease lease) {
      apply(new Event.Entered(lease));
      offer(lease, 1);
      apply(new Event.Left(lease));
    }

    /** Whether a run can keep all its rows; one that streams waits for its turn otherwise. */
    private boolean hasRoom(int worker, Lease lease, boolean turn) {
      OpenSplit open = state.open().get(lease.ordinal());
      OpenSplit.Run run = open == null ? null : open.run(lease);
      long missing = run == null ? 0 : needed[lease.ordinal()] - run.bytes();
      if (missing <= 0) {
        return true;
      }
      if (state.extensible(lease.ordinal(), missing)) {
        apply(new Event.Extended(lease, missing));
        return true;
      }
      assertThat(kind.streams).as("a split that must be staged has room").isTrue();
      if (turn) {
        while (offered.getOrDefault(lease, 0) < ROWS) {
          stream(lease);
        }
        return true;
      }
      doing.put(worker, new Doing(lease, false, true));
      return false;
    }

    /** Rows of a run come to the sequence, which leaves out those that it has. */
    private void offer(Lease lease, int count) {
      if (current < 0) {
        boolean finished = lease.equals(opened(lease.ordinal()).finished());
        assertThat(lease.ordinal() == lowest() || (finished && isNear(lease.ordinal())))
            .as("its split may be next")
            .isTrue();
        assertThat(delivered).as("none comes twice").doesNotContain(lease.ordinal());
        current = lease.ordinal();
      }
      assertThat(lease.ordinal()).as("rows come in their order").isEqualTo(current);
      for (int i = 0; i < count && offered.getOrDefault(lease, 0) < ROWS; i++) {
        int row = offered.merge(lease, 1, Integer::sum) - 1;
        assertThat(row).as("no row is left out").isLessThanOrEqualTo(rows);
        rows = Math.max(rows, row + 1);
      }
    }

    private OpenSplit opened(int ordinal) {
      return Objects.requireNonNull(state.open().get(ordinal));
    }

    private boolean isNear(int place) {
      List<Integer> ordinals = turns.ordinals();
      return kind.arrival && ordinals.get(place) < ordinals.get(lowest()) + turns.window();
    }

    private void takeFinished() {
      if (kind == Kind.MIX_MEMBER) {
        OpenSplit open = state.open().get(lowest());
        if (open != null && open.finished() != null) {
          current = lowest();
          appended(current);
        }
        return;
      }
      Lease lease = state.appendable();
      if (lease != null) {
        apply(new Event.Entered(lease));
        offer(lease, ROWS);
        assertThat(rows).isEqualTo(ROWS);
        apply(new Event.Left(lease));
        appended(lease.ordinal());
      }
    }

    private void appended(int ordinal) {
      assertThat(ordinal).isEqualTo(current);
      apply(new Event.Appended(ordinal));
      assertThat(delivered.add(ordinal)).as("none comes twice").isTrue();
      current = -1;
      rows = 0;
    }

    private void skip(int to) {
      apply(new Event.Skipped(to));
      for (int ordinal = lowest(); ordinal < to; ordinal++) {
        if (state.open().containsKey(ordinal)) {
          apply(new Event.Appended(ordinal));
        }
        delivered.add(ordinal);
      }
      needs = lowest();
    }

    /** A worker asks for a split as the dispatcher does. */
    private boolean ask(int worker, boolean slow) {
      int again = state.repeatable(worker, idle.size() > 1);
      Lease blocking = state.blocking();
      if (again >= 0) {
        begin(worker, again, new Event.Repeated(again, worker));
      } else if (!state.exhausted() && state.assignable(promised[state.next()]) != null) {
        begin(worker, state.next(), new Event.Assigned(worker, promised[state.next()]));
      } else if (slow && blocking != null && state.patienceNanos() < Long.MAX_VALUE) {
        begin(worker, blocking.ordinal(), new Event.Repeated(blocking.ordinal(), worker));
      } else {
        return false;
      }
      return true;
    }

    private void begin(int worker, int ordinal, Event event) {
      apply(event);
      assertThat(idle.remove((Object) worker)).isTrue();
      Lease lease = state.begun(ordinal).lease();
      assertThat(offered).as("a lease is new").doesNotContainKey(lease);
      assertThat(lease.worker()).isEqualTo(worker);
      boolean waits = state.mode(ordinal) == DispatcherState.Mode.STREAMED;
      doing.put(worker, new Doing(lease, false, waits && kind.streams));
    }

    // -- what must hold

    void check() {
      assertThat(state.used()).as("the budget is held").isLessThanOrEqualTo(budget);
      assertThat(state.turn()).as("none is lost").isEqualTo(lowest());
      for (int ordinal = needs; ordinal < Math.min(end, state.next()); ordinal++) {
        assertThat(state.open().containsKey(ordinal))
            .as("none is lost")
            .isNotEqualTo(delivered.contains(ordinal));
      }
      assertThat(state.current()).isEqualTo(current);
      state
          .open()
          .forEach((ordinal, open) -> {
            assertThat(ordinal).isGreaterThanOrEqualTo(needs);
            assertThat(open.runs()).hasSizeLessThanOrEqualTo(open.finished() == null ? 2 : 0);
            open.runs()
                .forEach(run ->
                    assertThat(doing.values().stream().map(Doing::lease)).contains(run.lease()));
          });
      assertThat(state.appending()).isNull();
      assertThat(state.abandoned().keySet())
          .isSubsetOf(doing.values().stream().map(Doing::lease).toList());
    }

    /** From here on nothing fails any more, but what hangs stays so: the rest is delivered. */
    void deliverRest() {
      int before = -1;
      while (!isOver()) {
        assertThat(history.size()).as("something can happen").isGreaterThan(before);
        before = history.size();
        takeFinished();
        for (int worker : List.copyOf(doing.keySet())) {
          finish(worker, of(worker));
        }
        for (int worker : List.copyOf(idle)) {
          boolean _ = ask(worker, false);
        }
        check();
      }
    }

    private void finish(int worker, Doing now) {
      if (now.hangs() && !state.holds(now.lease())) {
        if (!replaced.contains(worker)) {
          replace(worker);
        }
        return;
      }
      if (now.hangs()) {
        expire(worker);
      } else if (state.holds(now.lease())) {
        work(worker, 9);
      } else {
        done(worker, new Event.Returned(now.lease()), true);
      }
    }
  }
}
