package io.lastmile.feed;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Serves the feeds of a job on a unix socket. One thread accepts, one per connection reads; the
 * workers of each feed write.
 *
 * <p>The feeds' workers, slots and connections are all gone when {@link #close} returns.
 */
public final class FeedServer implements Feeder {
  private final JobPlan plan;
  private final RuntimeFolder folder;
  private final Path socket;
  private final ServerSocketChannel server;
  private final CompletableFuture<LastmileException> failure = new CompletableFuture<>();
  private final CompletableFuture<LastmileException> misuse = new CompletableFuture<>();
  private final Set<Integer> endedRanks = ConcurrentHashMap.newKeySet();
  private final Set<Wire> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger names = new AtomicInteger();
  private final Map<String, Set<String>> skipped = new ConcurrentHashMap<>();
  private final Map<String, Double> firstBatch = new ConcurrentHashMap<>();

  /** The feeds by dataset and, for those of one rank, the rank; guarded by itself. */
  private final Map<String, FeedSession> sessions = new LinkedHashMap<>();

  private final AtomicBoolean failed = new AtomicBoolean();
  private volatile boolean closed;

  private FeedServer(JobPlan plan, RuntimeFolder folder, Path socket, ServerSocketChannel server) {
    this.plan = plan;
    this.folder = folder;
    this.socket = socket;
    this.server = server;
  }

  /**
   * Listens on a socket, which must not exist yet.
   *
   * @param plan of the job; the caller closes it after this
   * @param folder for the slots
   * @param socket to listen on, for this user only
   * @throws LastmileException USER when the socket is in use, or when shared memory cannot hold the
   *     slots of all feeds
   */
  public static FeedServer open(JobPlan plan, RuntimeFolder folder, Path socket) {
    SharedMemoryCheck.check(plan, folder.path());
    FeedServer feeds = new FeedServer(plan, folder, socket, listen(socket));
    Thread.ofPlatform().name("feed-accept").daemon().start(feeds::acceptAll);
    return feeds;
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
    FeedPlan dataset = plan.feed(hello.feed());
    SlotRing ring =
        new SlotRing(
            folder.path(),
            Integer.toString(names.incrementAndGet()),
            dataset.slotLayout(),
            dataset.dataset().slots());
    RankFeed rank = new RankFeed(hello, wire, ring);
    FeedSession session = admitted(rank, dataset);
    boolean orderly = false;
    try {
      session.join(rank, welcome(dataset, rank));
      endedRanks.forEach(session::ended);
      orderly = converse(wire, session, rank);
    } catch (LastmileException e) {
      refuse(wire, e);
      session.fail(e);
    } finally {
      session.left(rank, orderly || closed);
    }
  }

  /** The feed of a rank. One that is refused takes its slots with it, and nothing else. */
  private FeedSession admitted(RankFeed rank, FeedPlan dataset) {
    Hello hello = rank.hello();
    String key = hello.alone() ? hello.feed() + " of rank " + hello.rank() : hello.feed();
    try {
      FeedSession before;
      synchronized (sessions) {
        before = sessions.get(key);
      }
      if (before != null) {
        before.awaitPlace(hello.place(), hello.sharers());
      }
      synchronized (sessions) {
        FeedSession known = sessions.get(key);
        FeedSession session =
            known == null || known.over() ? session(dataset, hello.sharers()) : known;
        session.admit(rank);
        sessions.put(key, session);
        return session;
      }
    } catch (LastmileException e) {
      rank.ring().close();
      throw e;
    }
  }

  private FeedSession session(FeedPlan dataset, int sharers) {
    Set<String> skips =
        skipped.computeIfAbsent(dataset.name(), any -> ConcurrentHashMap.newKeySet());
    return new FeedSession(
        plan,
        dataset,
        sharers,
        this::fail,
        misuse::complete,
        () -> batchReady(dataset.name()),
        skips::add);
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
  private static boolean converse(Wire wire, FeedSession session, RankFeed rank)
      throws IOException {
    while (true) {
      Wire.Message message;
      try {
        message = wire.read();
      } catch (IOException _) {
        return false;
      }
      switch (message.type()) {
        case Wire.MAPPED -> rank.ring().unlink();
        case Wire.MAPPED_LARGE -> rank.ring().mapped(message.payload().getInt(0));
        case Wire.FREE -> rank.ring().free(message.payload().getInt(0));
        case Wire.STEP -> rank.stepped(message.payload());
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
        if (key.equals(dataset) || key.startsWith(dataset + " of rank ")) {
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
  public CompletionStage<LastmileException> misuse() {
    return misuse;
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
    closed = true;
    try {
      server.close();
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES, "Cannot close the socket " + socket + ": " + e.getMessage(), e);
    } finally {
      everySession().forEach(FeedSession::end);
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
