package io.lastmile.feed;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.CountedStep;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.sequence.Counts;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.StepSink;
import io.lastmile.worker.EpochRun;
import io.lastmile.worker.WarmSplits;
import io.lastmile.worker.Workers;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One feed and the ranks that share it, epoch after epoch. Its rows begin to flow when every rank
 * has come.
 *
 * <p>Fields are guarded by this, unless said otherwise. The workers of an epoch call the sink and
 * the listener; nobody waits for them while holding this.
 */
final class FeedSession implements StepSink, AutoCloseable {
  /** How long after the first rank the others may leave without being told that it is gone. */
  private static final Duration LEAVING = Duration.ofSeconds(1);

  private final FeedPlan plan;
  private final Workers workers;
  private final Consumer<LastmileException> failed;
  private final Consumer<Misuse> misused;
  private final Runnable firstBatch;
  private final Consumer<String> skipped;
  private final Runnable ending;
  private final Lineage lineage;
  private final @Nullable RankFeed[] ranks;

  /**
   * Held while a step goes to all ranks: one that has its batch and leaves must not overtake the
   * others' batches.
   */
  private final Object publishing = new Object();

  /**
   * Held while the workers of a run are stopped and what follows is done: others begin, or the
   * slots go. Taken before this; never by a worker, who would be waited for.
   */
  private final Object changing = new Object();

  /** The epochs begun, by their number. */
  private final Map<Integer, EpochHistory> epochs;

  /** Where the epochs since the ranks last asked for a position were begun, by their number. */
  private final Map<Integer, Lineage.Beginning> beginnings = new TreeMap<>();

  /**
   * Where each rank asked to start from, by generation and rank; a rank may be generations ahead of
   * the last one to come.
   */
  private final Map<Integer, Map<Integer, Start>> starts = new TreeMap<>();

  private @Nullable EpochRun run;

  /** What runs have finished that were stopped, for the next one. */
  private WarmSplits warm;

  private boolean over;

  /** Whether more rows may have been taken before than the epochs tell. */
  private boolean lost;

  /** Set when another feed takes the place of this one; then that one has the epochs. */
  private @Nullable Past past;

  /** Whether slots and connections are gone; guarded by {@link #changing}. */
  private boolean closed;

  /** Whether the ranks are told of a failure. */
  private volatile boolean failing;

  /** Set before a run starts, read by its workers. */
  private volatile int generation;

  /** The rank whose slot the step waits for; -1: none. Written by the worker whose turn it is. */
  private volatile int waitingFor = -1;

  /**
   * What became of the epochs of a feed before.
   *
   * @param epochs by number; those that get it go on writing into it
   * @param lost whether more rows may have been taken than they tell: what told it was killed
   * @param warm splits that it had finished; the feed that takes its place frees them
   */
  record Past(Map<Integer, EpochHistory> epochs, boolean lost, WarmSplits warm) {
    /** Of a feed of which nothing is known. */
    static Past unknown(boolean lost) {
      return new Past(new TreeMap<>(), lost, WarmSplits.none());
    }
  }

  /** A generation and the position it starts from. */
  private record Start(int generation, Position position) {}

  /**
   * A feed without ranks yet.
   *
   * @param plan of its dataset
   * @param workers that run its splits
   * @param sharers ranks that share it
   * @param failed told when it cannot go on
   * @param misused told when it ends because of what a rank did
   * @param firstBatch run when a step is published
   * @param skipped told of each row group that was left out
   * @param ending run when an epoch has ended, before the ranks are told
   * @param lineage of all feeds of the dataset
   * @param past of the same feed
   */
  FeedSession(
      FeedPlan plan,
      Workers workers,
      int sharers,
      Consumer<LastmileException> failed,
      Consumer<Misuse> misused,
      Runnable firstBatch,
      Consumer<String> skipped,
      Runnable ending,
      Lineage lineage,
      Past past) {
    this.lineage = lineage;
    this.plan = plan;
    this.workers = workers;
    this.failed = failed;
    this.misused = misused;
    this.firstBatch = firstBatch;
    this.skipped = skipped;
    this.ranks = new RankFeed[sharers];
    this.ending = ending;
    this.epochs = past.epochs();
    this.lost = past.lost();
    this.warm = past.warm();
  }

  /**
   * A rank has come, and is one of this feed from now on.
   *
   * @throws LastmileException USER when it cannot be one; then nothing has changed
   */
  void admit(RankFeed rank) {
    int place = rank.hello().place();
    Position _ = position(rank.hello().state());
    synchronized (this) {
      if (rank.hello().sharers() != ranks.length) {
        throw LastmileException.of(
            FailureKind.USER,
            "Rank %d says that there are %d ranks, others say %d"
                .formatted(place, rank.hello().sharers(), ranks.length));
      }
      if (over || ranks[place] != null) {
        throw LastmileException.of(
            FailureKind.USER,
            "Rank %d has opened feed \"%s\" already".formatted(place, plan.name()));
      }
      ranks[place] = rank;
    }
  }

  /** An admitted rank is welcomed, and the last one to come starts the rows. */
  void join(RankFeed rank, Map<String, ?> welcome) {
    rank.welcome(welcome);
    asked(rank.hello().place(), new Start(0, position(rank.hello().state())));
  }

  /** A rank asks for rows from another position on; when all have asked the same, they get them. */
  void start(RankFeed rank, Map<?, ?> json) throws IOException {
    if (!(json.get("generation") instanceof Long number)) {
      throw new IOException("a start without generation");
    }
    asked(
        rank.hello().place(),
        new Start(Math.toIntExact(number), position((Map<?, ?>) json.get("position"))));
  }

  private Position position(@Nullable Map<?, ?> state) {
    if (state == null) {
      return Position.startOf(0, plan);
    }
    Position position = Position.of(state, plan);
    switch (plan) {
      case DatasetPlan table ->
          checkSplit(Math.max(position.split(), position.delivered().end()), table);
      case MixPlan mix -> {
        for (int i = 0; i < mix.members().size(); i++) {
          checkSplit(position.places().get(i).split(), mix.members().get(i));
        }
      }
    }
    return position;
  }

  private static void checkSplit(int split, DatasetPlan of) {
    int splits = of.splits().count();
    if (split > splits) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid position: split %d (dataset \"%s\" has %d)".formatted(split, of.name(), splits));
    }
  }

  private void asked(int place, Start start) {
    RankFeed gone;
    synchronized (this) {
      Map<Integer, Start> asked =
          starts.computeIfAbsent(start.generation(), any -> new LinkedHashMap<>());
      asked.put(place, start);
      rank(place).expect();
      gone = ranks().stream().filter(RankFeed::gone).findFirst().orElse(null);
      if (gone == null && asked.size() < ranks.length) {
        return;
      }
      boolean same = asked.values().stream().allMatch(start::equals);
      starts.keySet().removeIf(older -> older <= start.generation());
      if (!same) {
        throw LastmileException.of(
            FailureKind.USER,
            "The ranks ask feed \"%s\" for different positions (load the same state on all ranks)"
                .formatted(plan.name()));
      }
    }
    if (gone != null) {
      if (gone.orderly()) {
        misuse(gone.hello().rank(), "closed");
      }
      return;
    }
    synchronized (changing) {
      if (closed || start.generation() < generation) {
        return;
      }
      stopRun();
      long taken = goBack(start.position());
      ranks().forEach(rank -> rank.ring().reclaim());
      ranks().forEach(RankFeed::restart);
      generation = start.generation();
      begin(start.position(), taken);
    }
  }

  /**
   * The ranks go on at a position: what any of them took behind it will be taken again. Says how
   * many rows of its epoch all of them had taken.
   */
  private synchronized long goBack(Position to) {
    noteTaken();
    beginnings.clear();
    long byAll = 0;
    for (Map.Entry<Integer, EpochHistory> begun : epochs.entrySet()) {
      int epoch = begun.getKey();
      EpochHistory history = begun.getValue();
      long taken = taken(epoch, history);
      byAll = epoch == to.epoch() ? takenByAll(history).rows() : byAll;
      if (epoch >= to.epoch()) {
        history.goBack(to, taken);
      } else {
        // Nobody is given a position behind an epoch that has not been taken by all.
        history.settle(history.ended() ? history.sent() : takenByAll(history), taken);
      }
    }
    return byAll;
  }

  /** Notes in the lineage how far the ranks are. */
  synchronized void noteTaken() {
    beginnings.forEach((epoch, beginning) -> {
      EpochHistory history = epochs.get(epoch);
      if (history != null) {
        beginning.took(taken(epoch, history));
      }
    });
  }

  /** The rank that has this feed to itself; null: it is shared. */
  private @Nullable Integer onlyRank() {
    Hello hello = rank(0).hello();
    return hello.alone() ? hello.rank() : null;
  }

  /** How many rows of an epoch the rank that is furthest has taken. */
  private long taken(int epoch, EpochHistory history) {
    Position sent = history.sent();
    long most = history.taken();
    for (RankFeed rank : ranks()) {
      Position at = rank.taken();
      if (at != null && at.epoch() == epoch) {
        most = Math.max(most, at.rows());
      } else if (at != null && at.epoch() > epoch) {
        most = sent.rows();
      }
    }
    return most;
  }

  /**
   * Begins a run, if the feed goes on; no other run may be there.
   *
   * @param taken rows of its epoch that all ranks have taken before
   */
  private synchronized void begin(Position start, long taken) {
    if (over) {
      return;
    }
    Listener listener = new Listener(generation);
    EpochRun next =
        new EpochRun(plan, workers, ranks.length, start, this, listener, List.of(), warm);
    warm.close();
    listener.run = next;
    run = next;
    EpochHistory known = epochs.get(start.epoch());
    if (known == null) {
      long from = lost ? 0 : start.rows();
      epochs.put(
          start.epoch(), EpochHistory.begun(start, next.sequence()::position, ranks.length, from));
    } else {
      known.begin(start, next.sequence()::position, ranks.length, taken, lost);
    }
    lost = false;
    ranks().forEach(RankFeed::expect);
    Lineage.Beginning beginning =
        new Lineage.Beginning(
            start, onlyRank(), ranks.length, plan.dataset().batch(), next.sequence().splitCounts());
    beginnings.put(start.epoch(), beginning);
    lineage.add(beginning);
    next.start();
  }

  @Override
  public PackedRows slot(int rank) throws InterruptedException {
    SlotRing ring = rank(rank).ring();
    if (!ring.hasFree()) {
      waitingFor = rank;
    }
    try {
      return ring.take();
    } finally {
      waitingFor = -1;
    }
  }

  @Override
  public PackedRows larger(int rank, PackedRows outgrown, Layout layout) {
    return rank(rank).ring().larger(outgrown, layout);
  }

  @Override
  public void outgrown(int rank, PackedRows rows) {
    rank(rank).ring().outgrown(rows);
  }

  @Override
  public void publish(List<PackedRows> rows, Position after) {
    firstBatch.run();
    synchronized (publishing) {
      for (int rank = 0; rank < rows.size(); rank++) {
        rank(rank).send(rows.get(rank), generation, after);
      }
    }
  }

  private RankFeed rank(int place) {
    RankFeed rank = ranks[place];
    if (rank == null) {
      throw new IllegalStateException("Rank " + place + " has not come");
    }
    return rank;
  }

  private synchronized List<RankFeed> ranks() {
    List<RankFeed> present = new ArrayList<>();
    for (RankFeed rank : ranks) {
      if (rank != null) {
        present.add(rank);
      }
    }
    return present;
  }

  /**
   * A rank has closed its feed or died. The others cannot go on without it, but may be at their end
   * too.
   */
  void left(RankFeed rank, boolean orderly) {
    rank.leave(orderly);
    forget(rank);
    if (!othersLeave() && !over()) {
      int number = rank.hello().rank();
      if (!orderly) {
        fail(LastmileException.of(FailureKind.TRAINER, "Rank %d is gone".formatted(number)));
      } else if (othersGoOn()) {
        misuse(number, "closed");
      }
    }
    if (present().isEmpty()) {
      end();
    }
  }

  /** A rank's process has ended: when others have opened this feed, it was to open it too. */
  void ended(int rank) {
    boolean missing;
    synchronized (this) {
      missing = !over && rank < ranks.length && ranks[rank] == null && !ranks().isEmpty();
    }
    if (missing && ranks.length > 1) {
      misuse(rank, "ended without opening");
    }
  }

  /** What ranks do that have been told of a failure is no misuse. */
  private void misuse(int rank, String did) {
    if (failing) {
      return;
    }
    LastmileException failure =
        LastmileException.of(
            FailureKind.TRAINER,
            "Rank %d %s feed \"%s\", which other ranks wait for (every rank has to take every step)"
                .formatted(rank, did, plan.name()));
    misused.accept(new Misuse(rank, failure));
    fail(failure);
    synchronized (changing) {
      stopRun();
    }
  }

  private List<RankFeed> present() {
    return ranks().stream().filter(rank -> !rank.gone()).toList();
  }

  /** Gives the other ranks a moment to leave by themselves; says whether they did. */
  private boolean othersLeave() {
    long deadline = System.nanoTime() + LEAVING.toNanos();
    try {
      while (!present().isEmpty()) {
        if (System.nanoTime() > deadline) {
          return false;
        }
        Thread.sleep(5);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    return present().isEmpty();
  }

  /** Whether an epoch goes on, or a rank has asked for the next one. */
  private synchronized boolean othersGoOn() {
    return run != null || starts.values().stream().anyMatch(asked -> !asked.isEmpty());
  }

  /** A rank that has left asks for nothing. */
  private synchronized void forget(RankFeed rank) {
    starts.values().forEach(asked -> asked.remove(rank.hello().place()));
  }

  /** Whether every rank that came has gone. */
  synchronized boolean over() {
    return over;
  }

  /**
   * Waits a moment until a rank can come here or the feed is over: one that closed its feed and
   * opens it again may be here before its farewell has been heard, as may one of another number of
   * ranks.
   */
  synchronized void awaitPlace(int place, int sharers) {
    long deadline = System.nanoTime() + 2 * LEAVING.toNanos();
    try {
      for (long left = deadline - System.nanoTime();
          !over && (sharers != ranks.length || ranks[place] != null) && left > 0;
          left = deadline - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until all that its ranks have said has been heard, which have ended; not for long. */
  void hearOut(Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    try {
      while (!ranks().stream().allMatch(RankFeed::heardOut) && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What became of its epochs, for the feed that takes its place; this one is over. Not from a
   * worker's thread, which is waited for.
   */
  Past past() {
    end();
    synchronized (this) {
      if (past == null) {
        noteTaken();
        beginnings.clear();
        epochs.forEach((epoch, history) -> {
          history.settle(takenByAll(history), taken(epoch, history));
          history.leave();
        });
        past = new Past(epochs, lost, warm);
      }
      return past;
    }
  }

  /** What is to be {@link #kept} of its epochs, as a tree of JSON; none before the first. */
  synchronized List<Map<String, Object>> tree() {
    List<Map<String, Object>> tree = new ArrayList<>();
    epochs.forEach(
        (epoch, history) -> tree.add(history.tree(takenByAll(history), taken(epoch, history))));
    return tree;
  }

  /** What was kept of the epochs of a feed. */
  static Map<Integer, EpochHistory> kept(List<?> tree, FeedPlan plan) {
    Map<Integer, EpochHistory> epochs = new TreeMap<>();
    for (Object epoch : tree) {
      EpochHistory history = EpochHistory.of(Tree.map(epoch), plan);
      epochs.put(history.sent().epoch(), history);
    }
    return epochs;
  }

  /** Whether one of these ranks may be waiting for rows. */
  boolean waits(int rank) {
    return present().stream().anyMatch(one -> one.hello().rank() == rank && one.waits());
  }

  /** Ends the feed with a failure that its ranks are told. */
  void fail(LastmileException failure) {
    failing = true;
    synchronized (publishing) {
      present().forEach(rank -> rank.fail(failure));
    }
  }

  /**
   * Ends the workers and gives the slots back. What is finished stays for the feed that takes the
   * place of this one: its ranks may be started again.
   */
  void end() {
    synchronized (this) {
      noteTaken();
      over = true;
      notifyAll();
    }
    synchronized (changing) {
      if (closed) {
        return;
      }
      closed = true;
      stopRun();
      ranks().forEach(RankFeed::close);
      ranks().forEach(rank -> rank.ring().close());
    }
  }

  /** Ends the feed for good: no other takes its place. */
  @Override
  public void close() {
    end();
    synchronized (this) {
      warm.close();
    }
  }

  /**
   * Ends the run that goes on, if one does, waits for its workers, and keeps what they have
   * finished; under {@link #changing}.
   */
  private void stopRun() {
    EpochRun last;
    synchronized (this) {
      last = run;
      run = null;
    }
    if (last != null) {
      WarmSplits finished = last.stopKeeping();
      synchronized (this) {
        warm = finished;
      }
    }
  }

  /** What the ranks did, by rank. */
  List<RankProgress> rankProgress() {
    return ranks().stream().map(RankFeed::progress).toList();
  }

  /** What became of the rows, by epoch. */
  synchronized List<EpochProgress> epochProgress() {
    List<EpochProgress> told = new ArrayList<>();
    epochs.forEach((epoch, history) -> {
      Position at = history.sent();
      EpochProgress.History said = history.told();
      Counts given = takenByAll(history).counts();
      told.add(
          new EpochProgress(
              epoch,
              at.counts().read(),
              stepRows(plan.copySteps(), at.counts().added()),
              stepRows(plan.dropSteps(), at.counts().dropped()),
              given.delivered(),
              at.counts().padded(),
              given.positives(),
              given.unknown(),
              mixed(at),
              history.ended(),
              said.from() == 0 ? at.step() : null,
              (long) history.ranks() * plan.dataset().batch(),
              said));
    });
    return told;
  }

  private static List<EpochProgress.StepRows> stepRows(List<CountedStep> steps, List<Long> rows) {
    List<EpochProgress.StepRows> told = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      CountedStep step = steps.get(i);
      told.add(new EpochProgress.StepRows(step.dataset(), step.step(), step.kind(), rows.get(i)));
    }
    return told;
  }

  private List<EpochProgress.MixedRows> mixed(Position at) {
    List<Place> places = at.places();
    List<Long> dropped = at.counts().dropped();
    int lastSteps = dropped.size() - plan.lastSteps();
    List<EpochProgress.MixedRows> told = new ArrayList<>();
    if (plan instanceof MixPlan mix) {
      for (int i = 0; i < places.size(); i++) {
        DatasetPlan member = mix.members().get(i);
        Place place = places.get(i);
        long passes = place.pass() + 1L;
        long left = plan.lastSteps() == 0 ? 0 : dropped.get(lastSteps + i);
        told.add(
            new EpochProgress.MixedRows(
                member.name(),
                passes,
                place.read(),
                passes * member.rowsPerEpoch() - place.read(),
                place.delivered() - left));
      }
    }
    return told;
  }

  /**
   * The position in an epoch after the steps that every rank has taken, of those that were sent.
   */
  private Position takenByAll(EpochHistory history) {
    Position sent = history.sent();
    Position least = ranks().isEmpty() ? history.before() : sent;
    for (RankFeed rank : ranks()) {
      Position taken = rank.taken();
      Position all = sent;
      if (taken == null || taken.epoch() < sent.epoch()) {
        all = history.before();
      } else if (taken.epoch() == sent.epoch()) {
        all = taken;
      }
      least = all.counts().delivered() < least.counts().delivered() ? all : least;
    }
    return least;
  }

  /** The rank that the others wait for: its slots are full while another has taken more steps. */
  @Nullable Integer waitingForRank() {
    int rank = waitingFor;
    if (rank < 0) {
      return null;
    }
    List<RankProgress> progress = rankProgress();
    long most = progress.stream().mapToLong(RankProgress::steps).max().orElse(0);
    return progress.size() > rank && progress.get(rank).steps() < most ? rank : null;
  }

  /** Hears from the workers of a run. */
  private final class Listener implements EpochRun.Listener {
    private final int generation;

    /** Set before it starts. */
    private @Nullable EpochRun run;

    Listener(int generation) {
      this.generation = generation;
    }

    @Override
    public void ended(Position next) {
      synchronized (FeedSession.this) {
        EpochHistory history = current(next);
        if (history == null) {
          return;
        }
        history.end();
      }
      ending.run();
      tell(next);
    }

    /** The epoch that has ended; null when the feed does not go on with this run any more. */
    private @Nullable EpochHistory current(Position next) {
      return over || FeedSession.this.run != run ? null : epochs.get(next.epoch() - 1);
    }

    /** In one step: a rank that asks for other rows comes before the end of this run or after. */
    private void tell(Position next) {
      synchronized (FeedSession.this) {
        EpochHistory history = current(next);
        if (history == null) {
          return;
        }
        Position last = history.sent();
        FeedSession.this.run = null;
        // A last step that was dropped has slots that nobody fills any more.
        ranks().forEach(rank -> rank.ring().reclaim());
        ranks().forEach(rank -> rank.end(generation, last, next));
        Integer asked = rank(0).hello().epochs();
        if (asked != null && next.epoch() < asked) {
          begin(next, 0);
        }
      }
    }

    @Override
    public void failed(LastmileException failure) {
      failed.accept(failure);
    }

    @Override
    public void skipped(String file, int rowGroup, String why) {
      FeedSession.this.skipped.accept(Diagnosis.Skips.words(file, rowGroup, why));
    }
  }
}
