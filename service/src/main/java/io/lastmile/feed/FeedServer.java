package io.lastmile.feed;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.worker.WarmSplits;
import io.lastmile.worker.Workers;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Serves the feeds of a job on a unix socket. One thread accepts, one per connection reads; the
 * workers of each feed write.
 *
 * <p>The feeds' workers, slots and connections are all gone when {@link #close} returns.
 */
public final class FeedServer implements Feeder {
  private static final String OF_RANK = " of rank ";

  /** What ranks that have ended said last is heard within this time. */
  private static final Duration LAST_WORDS = Duration.ofMillis(200);

  private final JobPlan plan;
  private final Workers workers;
  private final RuntimeFolder folder;
  private final Path socket;
  private final ServerSocketChannel server;
  private final CompletableFuture<LastmileException> failure = new CompletableFuture<>();
  private final Map<Integer, AtomicLong> signs = new ConcurrentHashMap<>();

  /** Mistakes for which ranks of this attempt were refused, by rank, until they go on. */
  private final ConcurrentSkipListMap<Integer, LastmileException> mistakes =
      new ConcurrentSkipListMap<>();

  private final Set<Integer> endedRanks = ConcurrentHashMap.newKeySet();
  private final Set<Wire> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger names = new AtomicInteger();
  private final Map<String, Set<String>> skipped = new ConcurrentHashMap<>();

  /** By dataset. */
  private final Map<String, Lineage> lineages = new ConcurrentHashMap<>();

  private final Map<String, Double> firstBatch = new ConcurrentHashMap<>();

  /** The feeds by dataset and, for those of one rank, the rank; guarded by itself. */
  private final Map<String, FeedSession> sessions = new LinkedHashMap<>();

  /** The attempt whose ranks are served, and what they misused; guarded by {@link #sessions}. */
  private int attempt;

  private CompletableFuture<Misuse> misuse = new CompletableFuture<>();

  /**
   * Whether ranks may have taken rows that are not known of: their driver was killed. Set before
   * the first rank comes.
   */
  private volatile boolean lost;

  /** Run before the ranks are told that an epoch has ended. */
  private volatile Runnable ending = () -> {};

  private final AtomicBoolean failed = new AtomicBoolean();
  private volatile boolean closed;

  private FeedServer(
      JobPlan plan,
      Workers workers,
      RuntimeFolder folder,
      Path socket,
      ServerSocketChannel server) {
    this.plan = plan;
    this.workers = workers;
    this.folder = folder;
    this.socket = socket;
    this.server = server;
  }

  /**
   * Listens on a socket, which must not exist yet.
   *
   * @param plan of the job; the caller closes it after this
   * @param workers of the job
   * @param folder for the slots
   * @param socket to listen on, for this user only
   * @throws LastmileException USER when the socket is in use, or when shared memory cannot hold the
   *     slots of all feeds
   */
  public static FeedServer open(JobPlan plan, Workers workers, RuntimeFolder folder, Path socket) {
    SharedMemoryCheck.check(plan, folder.path());
    FeedServer feeds = new FeedServer(plan, workers, folder, socket, listen(socket));
    Thread.ofPlatform().name("feed-accept").daemon().start(feeds::acceptAll);
    return feeds;
  }

  /**
   * As {@link #open(JobPlan, Workers, RuntimeFolder, Path)}, going on where another driver of the
   * job, which has ended, was.
   *
   * @param history what it kept of {@link #history}
   * @throws LastmileException USER also when that is of another plan
   */
  public static FeedServer open(
      JobPlan plan, Workers workers, RuntimeFolder folder, Path socket, Map<?, ?> history) {
    FeedServer feeds = open(plan, workers, folder, socket);
    try {
      feeds.remember(history);
      return feeds;
    } catch (LastmileException e) {
      feeds.close();
      throw e;
    }
  }

  private static ServerSocketChannel listen(Path socket) {
    try {
      ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        server.bind(UnixDomainSocketAddress.of(socket));
        Files.setPosixFilePermissions(
            socket, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
        return server;
      } catch (IOException e) {
        server.close();
        throw e;
      }
    } catch (IOException e) {
      String why =
          Files.exists(socket)
              ? "it is in use or left behind; choose another with --socket"
              : e.getMessage();
      throw LastmileException.of(
          FailureKind.USER, "Cannot listen on the socket " + socket + ": " + why, e);
    }
  }

  private void acceptAll() {
    while (!closed) {
      try {
        Wire wire = new Wire(server.accept());
        connections.add(wire);
        Thread.ofPlatform().name("feed-connection").daemon().start(() -> serve(wire));
      } catch (IOException e) {
        if (!closed) {
          fail(
              LastmileException.of(
                  FailureKind.INTERNAL, "The feed's socket broke: " + e.getMessage(), e));
        }
        return;
      }
    }
  }

  /** One connection from its greeting to its end. */
  private void serve(Wire wire) {
    try {
      Wire.Message first = wire.read();
      switch (first.type()) {
        case Wire.LIFELINE -> wire.read();
        case Wire.HELLO -> serveFeed(wire, first);
        default -> throw new IOException("a first message of type " + first.type());
      }
    } catch (EOFException _) {
      // The client has gone.
    } catch (LastmileException e) {
      refuse(wire, e);
    } catch (IOException | IndexOutOfBoundsException | IllegalArgumentException e) {
      refuse(
          wire,
          LastmileException.of(FailureKind.USER, "Invalid message of a client: " + e.getMessage()));
    } finally {
      connections.remove(wire);
      closeQuietly(wire);
    }
  }

  private static void refuse(Wire wire, LastmileException failure) {
    try {
      wire.send(Wire.ERROR, Map.of("kind", failure.kind().word(), "message", failure.text()));
    } catch (IOException _) {
      // It has gone meanwhile.
    }
  }

  private void serveFeed(Wire wire, Wire.Message first) throws IOException {
    Hello hello = Hello.of(first.json());
    try {
      serveFeed(wire, hello);
    } catch (LastmileException e) {
      note(hello, e);
      throw e;
    }
  }

  private void serveFeed(Wire wire, Hello hello) throws IOException {
    FeedPlan dataset = plan.feed(hello.feed());
    SlotRing ring =
        new SlotRing(
            folder.path(),
            Integer.toString(names.incrementAndGet()),
            dataset.slotLayout(),
            dataset.dataset().slots());
    RankFeed rank = new RankFeed(hello, wire, ring);
    FeedSession session = admitted(rank, dataset);
    mistakes.remove(hello.rank());
    boolean orderly = false;
    sign(hello.rank());
    try {
      session.join(rank, welcome(dataset, rank));
      endedRanks.forEach(session::ended);
      orderly = converse(wire, session, rank);
    } catch (LastmileException e) {
      note(hello, e);
      refuse(wire, e);
      session.fail(e);
    } finally {
      sign(hello.rank());
      session.left(rank, orderly || closed);
    }
  }

  /** A rank is going to be refused. */
  private void note(Hello hello, LastmileException why) {
    Integer of = hello.attempt();
    synchronized (sessions) {
      if (why.kind() == FailureKind.USER && (of == null || of == attempt)) {
        mistakes.put(hello.rank(), why);
      }
    }
  }

  private void sign(int rank) {
    long _ = signs.computeIfAbsent(rank, any -> new AtomicLong()).incrementAndGet();
  }

  /** The feed of a rank. One that is refused takes its slots with it, and nothing else. */
  private FeedSession admitted(RankFeed rank, FeedPlan dataset) {
    Hello hello = rank.hello();
    String key = hello.alone() ? hello.feed() + OF_RANK + hello.rank() : hello.feed();
    try {
      FeedSession session = null;
      while (session == null) {
        session = admitted(rank, dataset, key);
      }
      return session;
    } catch (LastmileException e) {
      rank.ring().close();
      throw e;
    }
  }

  /** Null when the feed that was there has ended meanwhile. */
  private @Nullable FeedSession admitted(RankFeed rank, FeedPlan dataset, String key) {
    Hello hello = rank.hello();
    FeedSession before;
    synchronized (sessions) {
      checkAttempt(hello);
      before = sessions.get(key);
    }
    if (before != null) {
      before.awaitPlace(hello.place(), hello.sharers());
    }
    // Waits for workers, which may want the sessions.
    FeedSession.Past past = before == null ? unknown() : before.over() ? before.past() : null;
    synchronized (sessions) {
      checkAttempt(hello);
      checkOpen(hello);
      FeedSession session = before;
      if (!Objects.equals(sessions.get(key), before)
          || (before != null && before.over() && past == null)) {
        return null;
      }
      if (session == null || past != null) {
        session = session(dataset, hello.sharers(), past == null ? unknown() : past);
      }
      session.admit(rank);
      sessions.put(key, session);
      return session;
    }
  }

  /** The past of a feed of which nothing is known. */
  private FeedSession.Past unknown() {
    return FeedSession.Past.unknown(lost);
  }

  /** Whoever comes after the end of all feeds would begin one that nobody ends. */
  private void checkOpen(Hello hello) {
    if (closed) {
      throw LastmileException.of(
          FailureKind.TRAINER, "Rank %d comes when the job has ended".formatted(hello.rank()));
    }
  }

  private void checkAttempt(Hello hello) {
    Integer of = hello.attempt();
    if (of != null && of != attempt) {
      throw LastmileException.of(
          FailureKind.TRAINER,
          "Rank %d is of attempt %d, but attempt %d goes on".formatted(hello.rank(), of, attempt));
    }
  }

  private FeedSession session(FeedPlan dataset, int sharers, FeedSession.Past past) {
    Set<String> skips = skips(dataset.name());
    return new FeedSession(
        dataset,
        workers,
        sharers,
        this::fail,
        misuse::complete,
        () -> batchReady(dataset.name()),
        skips::add,
        () -> ending.run(),
        lineages.computeIfAbsent(dataset.name(), Lineage::new),
        past);
  }

  private Set<String> skips(String dataset) {
    return skipped.computeIfAbsent(dataset, any -> ConcurrentHashMap.newKeySet());
  }

  private void batchReady(String dataset) {
    if (!firstBatch.containsKey(dataset)) {
      firstBatch.put(dataset, (System.nanoTime() - plan.startedNanos()) / 1e9);
    }
  }

  private Map<String, Object> welcome(FeedPlan dataset, RankFeed rank) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("protocol", (long) Wire.PROTOCOL);
    json.put("slots", rank.ring().paths().stream().map(Path::toString).toList());
    json.put("slot_bytes", dataset.slotLayout().bytes());
    json.put("layout", dataset.slotLayout().description());
    json.put("batch", (long) dataset.dataset().batch());
    json.put("rank", (long) rank.hello().place());
    json.put("world_size", (long) rank.hello().sharers());
    json.put("dataset", dataset.name());
    json.put("fingerprint", dataset.fingerprint());
    json.put("epochs_known", rank.hello().epochs() != null);
    json.put("prefetch", (long) dataset.dataset().prefetch());
    json.put("experiment", plan.experiment().name());
    return json;
  }

  /** Hears a rank out; says whether it closed in order. */
  private boolean converse(Wire wire, FeedSession session, RankFeed rank) throws IOException {
    while (true) {
      Wire.Message message;
      try {
        message = wire.read();
      } catch (IOException _) {
        return false;
      }
      sign(rank.hello().rank());
      switch (message.type()) {
        case Wire.MAPPED -> rank.ring().unlink();
        case Wire.MAPPED_LARGE -> rank.ring().mapped(message.payload().getInt(0));
        case Wire.FREE -> rank.ring().free(message.payload().getInt(0));
        case Wire.STEP -> {
          mistakes.remove(rank.hello().rank());
          rank.stepped(message.payload());
        }
        case Wire.START -> session.start(rank, message.json());
        case Wire.BYE -> {
          rank.closed(message.json());
          return true;
        }
        default -> throw new IOException("a message of type " + message.type());
      }
    }
  }

  @Override
  public List<Lineage> lineages() {
    everySession().forEach(FeedSession::noteTaken);
    return List.copyOf(lineages.values());
  }

  @Override
  public FeedProgress progress() {
    Map<String, DatasetProgress> datasets = new LinkedHashMap<>();
    for (String name : plan.experiment().datasets().keySet()) {
      List<FeedSession> feeds = sessionsOf(name);
      if (!feeds.isEmpty()) {
        datasets.put(name, progress(name, feeds));
      }
    }
    return new FeedProgress(datasets);
  }

  private DatasetProgress progress(String name, List<FeedSession> feeds) {
    FeedSession leading = feeds.getFirst();
    List<RankProgress> ranks =
        feeds.stream().flatMap(feed -> feed.rankProgress().stream()).toList();

    return new DatasetProgress(
        firstBatch.get(name),
        plan.feed(name).rowsPerEpoch(),
        plan.feed(name).pruned(),
        epochs(feeds),
        ranks,
        skipped.getOrDefault(name, Set.of()).stream().sorted().toList(),
        leading.waitingForRank());
  }

  /**
   * The epochs of a dataset; where each rank has all of it, as the one that is least far has them.
   */
  private static List<EpochProgress> epochs(List<FeedSession> feeds) {
    List<EpochProgress> leading = feeds.getFirst().epochProgress();
    List<List<EpochProgress>> others =
        feeds.stream().skip(1).map(FeedSession::epochProgress).toList();
    List<EpochProgress> told = new ArrayList<>();
    for (EpochProgress epoch : leading) {
      boolean all =
          others.stream()
              .allMatch(other ->
                  other.stream().anyMatch(one -> one.epoch() == epoch.epoch() && one.whole()));
      told.add(all ? epoch : epoch.unfinished());
    }
    return told;
  }

  private List<FeedSession> sessionsOf(String dataset) {
    synchronized (sessions) {
      List<FeedSession> feeds = new ArrayList<>();
      sessions.forEach((key, session) -> {
        if (key.equals(dataset) || key.startsWith(dataset + OF_RANK)) {
          feeds.add(session);
        }
      });
      return feeds;
    }
  }

  @Override
  public CompletionStage<LastmileException> failure() {
    return failure;
  }

  @Override
  public CompletionStage<Misuse> misuse() {
    synchronized (sessions) {
      return misuse;
    }
  }

  @Override
  public @Nullable LastmileException mistake() {
    Map.Entry<Integer, LastmileException> first = mistakes.firstEntry();
    return first == null ? null : first.getValue();
  }

  @Override
  public void begin(int next) {
    synchronized (sessions) {
      attempt = next;
      misuse = new CompletableFuture<>();
      mistakes.clear();
    }
    endedRanks.clear();
    hearOut();
    everySession().forEach(FeedSession::end);
  }

  private void hearOut() {
    everySession().forEach(session -> session.hearOut(LAST_WORDS));
  }

  @Override
  public void beforeEnds(Runnable keep) {
    ending = keep;
  }

  @Override
  public RankLife life(int rank) {
    AtomicLong seen = signs.get(rank);
    boolean waits =
        endedRanks.contains(rank)
            || everySession().stream().anyMatch(session -> session.waits(rank));
    return new RankLife(seen == null ? 0 : seen.get(), waits);
  }

  @Override
  public Map<String, Object> history() {
    Map<String, Object> feeds = new LinkedHashMap<>();
    synchronized (sessions) {
      sessions.forEach((key, session) -> feeds.put(key, session.tree()));
    }
    Map<String, Object> left = new LinkedHashMap<>();
    skipped.forEach((dataset, words) -> left.put(dataset, words.stream().sorted().toList()));
    return Map.of("feeds", feeds, "row_groups_skipped", left, "whole", closed && !lost);
  }

  private void remember(Map<?, ?> history) {
    try {
      lost = !Boolean.TRUE.equals(history.get("whole"));
      for (Map.Entry<?, ?> feed : Tree.map(history.get("feeds")).entrySet()) {
        String key = Tree.text(feed.getKey());
        FeedPlan dataset = plan.feed(key.replaceFirst(OF_RANK + "\\d+$", ""));
        Map<Integer, EpochHistory> epochs = FeedSession.kept(Tree.list(feed.getValue()), dataset);
        FeedSession.Past past = new FeedSession.Past(epochs, lost, WarmSplits.none());
        FeedSession session = session(dataset, 1, past);
        session.end();
        synchronized (sessions) {
          sessions.put(key, session);
        }
      }
      for (Map.Entry<?, ?> left : Tree.map(history.get("row_groups_skipped")).entrySet()) {
        Set<String> skips = skips(Tree.text(left.getKey()));
        Tree.list(left.getValue()).forEach(words -> skips.add(Tree.text(words)));
      }
    } catch (ClassCastException e) {
      throw LastmileException.of(FailureKind.USER, "Not a history of feeds: " + e.getMessage(), e);
    }
  }

  @Override
  public void ended(int rank) {
    endedRanks.add(rank);
    everySession().forEach(session -> session.ended(rank));
  }

  @Override
  public void fail(LastmileException why) {
    if (failed.compareAndSet(false, true)) {
      everySession().forEach(session -> session.fail(why));
      failure.complete(why);
    }
  }

  private List<FeedSession> everySession() {
    synchronized (sessions) {
      return List.copyOf(sessions.values());
    }
  }

  @Override
  public void close() {
    hearOut();
    closed = true;
    try {
      server.close();
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES, "Cannot close the socket " + socket + ": " + e.getMessage(), e);
    } finally {
      everySession().forEach(FeedSession::close);
      connections.forEach(FeedServer::closeQuietly);
    }
  }

  private static void closeQuietly(Wire wire) {
    try {
      wire.close();
    } catch (IOException _) {
      // It is gone either way.
    }
  }
}
