package io.lastmile;

import io.lastmile.dataset.Dataset;
import io.lastmile.error.LastmileException;
import io.lastmile.estimate.Interval;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.Feeder;
import io.lastmile.feed.Misuse;
import io.lastmile.feed.RankLife;
import io.lastmile.feed.RankProgress;
import io.lastmile.feed.RuntimeFolder;
import io.lastmile.plan.Pruned;
import io.lastmile.sequence.Positives;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Data whose feeds a test drives. */
final class FakeData implements JobData, Feeder {
  static final FeedProgress PROGRESS =
      new FeedProgress(
          Map.of(
              "train",
              new DatasetProgress(
                  0.25,
                  1000,
                  new Pruned(1, 2, 300, List.of()),
                  List.of(
                      new EpochProgress(
                          0,
                          1000,
                          List.of(),
                          List.of(new EpochProgress.StepRows(null, 1, "filter", 600)),
                          400,
                          1,
                          new Positives("label", 40),
                          Map.of(),
                          List.of(),
                          true,
                          10L,
                          40,
                          new EpochProgress.History(0, 0, 7, null, List.of()))),
                  List.of(
                      new RankProgress(0, 10, 500_000_000L, 4_000_000_000L),
                      new RankProgress(1, 10, 1_000_000_000L, 4_000_000_000L)),
                  List.of(),
                  null)));

  final CompletableFuture<LastmileException> failure = new CompletableFuture<>();
  final List<Integer> attempts = new CopyOnWriteArrayList<>();
  final Map<Integer, RankLife> lives = new ConcurrentHashMap<>();
  volatile IntConsumer beforeAttempt = attempt -> {};
  volatile CompletableFuture<Misuse> misuse = new CompletableFuture<>();
  volatile @Nullable LastmileException mistake;
  final Set<Integer> endedRanks = ConcurrentHashMap.newKeySet();
  volatile boolean feederClosed;
  volatile @Nullable RuntimeFolder folder;
  private final @Nullable LastmileException refusal;

  private FakeData(@Nullable LastmileException refusal) {
    this.refusal = refusal;
  }

  static FakeData serving() {
    return new FakeData(null);
  }

  /** Whose feeds cannot be opened. */
  static FakeData refusing(LastmileException refusal) {
    return new FakeData(refusal);
  }

  @Override
  public Map<String, ?> files() {
    return Map.of("train", List.of());
  }

  @Override
  public Map<String, ?> certificate(String dataset, EpochProgress epoch, List<String> skipped) {
    return Map.of("dataset", dataset);
  }

  @Override
  public Map<String, StoredEstimate> estimates(Consumer<String> log) {
    return Map.of(
        "train",
        new StoredEstimate(
            new Interval(390, 380L, 399L),
            "label",
            new Interval(39, 38L, 41L),
            true,
            true,
            Dataset.LastStep.UNEVEN));
  }

  @Override
  public Map<String, String> fingerprints() {
    return Map.of("train", "1-2-3-4-5");
  }

  @Override
  public Feeder open(RuntimeFolder opened, Map<?, ?> history) {
    folder = opened;
    if (refusal != null) {
      throw refusal;
    }
    return this;
  }

  @Override
  public CompletionStage<LastmileException> failure() {
    return failure;
  }

  @Override
  public CompletionStage<Misuse> misuse() {
    return misuse;
  }

  @Override
  public @Nullable LastmileException mistake() {
    return mistake;
  }

  @Override
  public void begin(int attempt) {
    attempts.add(attempt);
    beforeAttempt.accept(attempt);
    misuse = new CompletableFuture<>();
    mistake = null;
  }

  @Override
  public void beforeEnds(Runnable keep) {}

  @Override
  public RankLife life(int rank) {
    return lives.getOrDefault(rank, new RankLife(0, false));
  }

  @Override
  public Map<String, Object> history() {
    return Map.of("feeds", Map.of());
  }

  @Override
  public void ended(int rank) {
    endedRanks.add(rank);
  }

  @Override
  public void fail(LastmileException why) {
    failure.complete(why);
  }

  @Override
  public FeedProgress progress() {
    return PROGRESS;
  }

  @Override
  public void close() {
    feederClosed = true;
  }
}
