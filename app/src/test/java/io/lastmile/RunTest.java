package io.lastmile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.dataset.Cluster;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Origin;
import io.lastmile.dataset.Training;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.Misuse;
import io.lastmile.feed.RuntimeFolder;
import io.lastmile.run.Summary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RunTest {
  @TempDir Path folder;

  private final List<String> lines = new CopyOnWriteArrayList<>();
  private final CountDownLatch ready = new CountDownLatch(2);
  private final FakeData data = FakeData.serving();

  /** An installation whose client does nothing but run the script. */
  @BeforeEach
  void install() throws IOException {
    Path python = Files.createDirectories(folder.resolve("home/python/lastmile"));
    Files.writeString(python.resolve("__init__.py"), "");
    Files.writeString(
        python.resolve("rank.py"),
        "import os, sys\nos.execv(sys.executable, ['python'] + sys.argv[1:])\n");
    Files.writeString(folder.resolve("home/python/numpy.py"), "");
  }

  private Experiment experiment(String script) throws IOException {
    Files.writeString(folder.resolve("train.py"), script);
    return new Experiment(
        "ads",
        1,
        Map.of(),
        new Training("train.py", List.of("--epochs", "2"), 2, 0, null),
        Cluster.local().workers(1).workerMemory(1L << 30),
        new Origin(folder, null, Map.of(), Map.of()));
  }

  private Run launch(String script) throws IOException {
    return Launch.start(experiment(script), options(), experiment -> data);
  }

  private LaunchOptions options() {
    return LaunchOptions.defaults()
        .home(folder.resolve("home"))
        .runs(folder.resolve("runs"))
        .python("python3")
        .output((rank, channel, line) -> {
          lines.add(rank + " " + line);
          if (line.equals("ready")) {
            ready.countDown();
          }
        });
  }

  private void assertNothingIsLeft() {
    RuntimeFolder opened = data.folder;
    assertThat(opened).isNotNull();
    assertThat(data.feederClosed).isTrue();
    assertThat(List.of(opened)).allSatisfy(f -> assertThat(f.path()).doesNotExist());
  }

  @Test
  void aScriptThatEndsWellIsOk() throws Exception {
    Run run =
        launch(
            """
            import os, sys
            print(os.environ["RANK"], sys.argv[1:], os.getcwd())
            assert os.environ["LASTMILE_FEED"].endswith("/feed.sock")
            """);
    Summary summary = run.await();

    assertThat(summary.exit()).isEqualTo(new Summary.Exit(0, "ok", null));
    assertThat(summary.ranks())
        .containsExactly(new Summary.Rank(0, 10L, 0.125, 0), new Summary.Rank(1, 10L, 0.25, 0));
    assertThat(run.summary()).isSameAs(summary);
    assertThat(run.progress()).isSameAs(FakeData.PROGRESS);
    assertThat(lines)
        .containsExactlyInAnyOrder(
            "0 0 ['--epochs', '2'] " + folder, "1 1 ['--epochs', '2'] " + folder);
    run.cancel();
    assertThat(run.await()).isSameAs(summary);
    assertNothingIsLeft();
  }

  @Test
  void theRecordHoldsWhatHappened() throws Exception {
    Run run = launch("print('hello')\n");
    Summary _ = run.await();

    assertThat(run.id()).isEqualTo("ads-1");
    assertThat(run.record()).isEqualTo(folder.resolve("runs/ads-1"));
    assertThat(run.record().resolve("files.json")).hasContent("{\"train\":[]}");
    assertThat(run.record().resolve("experiment.json")).content().contains("\"name\":\"ads\"");
    assertThat(run.record().resolve("summary.json")).content().contains("\"kind\":\"ok\"");
    assertThat(run.record().resolve("logs/rank-1.log")).hasContent("hello\n");
    assertThat(Files.readAllLines(run.record().resolve("events.jsonl")))
        .extracting(line -> line.replaceAll(".*\"event\":\"(\\w+)\".*", "$1"))
        .containsExactlyInAnyOrder(
            "started",
            "feed_opened",
            "rank_started",
            "rank_started",
            "rank_ended",
            "rank_ended",
            "epoch_ended",
            "ended");
  }

  @Test
  void aScriptThatFailsFailsTheRun() throws Exception {
    Run run =
        launch(
            """
            import os, sys, time
            if os.environ["RANK"] == "1":
                sys.exit(7)
            time.sleep(60)
            """);
    Summary summary = run.await();

    String message =
        "Rank 1 exited with code 7 (its output: %s)"
            .formatted(run.record().resolve("logs/rank-1.log"));
    assertThat(summary.exit()).isEqualTo(new Summary.Exit(4, "trainer", message));
    assertThat(summary.ranks()).extracting(Summary.Rank::exitCode).containsExactly(143, 7);
    assertNothingIsLeft();
  }

  @Test
  void aRunCanBeCancelledFromAnyThread() throws Exception {
    Run run = launch("import time\nprint('ready')\ntime.sleep(60)\n");
    assertThat(ready.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(run.summary()).isNull();
    assertThat(run.await(Duration.ofMillis(1))).isNull();

    long before = System.nanoTime();
    Thread other = Thread.ofPlatform().start(() -> run.cancel(Cancellation.TERMINATED));
    run.cancel(Cancellation.TERMINATED);
    other.join();
    Summary summary = run.await();
    run.cancel();

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(6));
    assertThat(summary.exit())
        .isEqualTo(new Summary.Exit(143, "cancelled", "Terminated (SIGTERM)"));
    assertThat(data.failure.getNow(null)).hasMessage("Terminated (SIGTERM)");
    assertThat(run.record().resolve("summary.json")).exists();
    assertNothingIsLeft();
  }

  @Test
  void aFeedThatFailsEndsTheRanksAndIsTheCause() throws Exception {
    Run run = launch("import time\nprint('ready')\ntime.sleep(60)\n");
    assertThat(ready.await(10, TimeUnit.SECONDS)).isTrue();
    data.fail(LastmileException.of(FailureKind.DATA, "Null in a.parquet, row 17"));
    Summary summary = run.await();

    assertThat(summary.exit()).isEqualTo(new Summary.Exit(3, "data", "Null in a.parquet, row 17"));
    assertNothingIsLeft();
  }

  @Test
  void aFeedThatARankMisusedEndsTheRanksAndIsTheCause() throws Exception {
    Run run =
        launch(
            """
            import os, time
            print("ready")
            time.sleep(0.5)
            if os.environ["RANK"] == "1":
                raise SystemExit(5)
            time.sleep(60)
            """);
    assertThat(ready.await(10, TimeUnit.SECONDS)).isTrue();
    data.misuse.complete(
        new Misuse(0, LastmileException.of(FailureKind.TRAINER, "Rank 0 closed feed")));
    assertThat(run.await().exit()).isEqualTo(new Summary.Exit(4, "trainer", "Rank 0 closed feed"));
  }

  @Test
  void theFeedsHearOfRanksThatEndWell() throws Exception {
    launch("").await();
    assertThat(data.endedRanks).containsExactlyInAnyOrder(0, 1);
  }

  @Test
  void feedsThatCannotBeOpenedLeaveNothing() throws Exception {
    Experiment experiment = experiment("");
    FakeData refusing =
        FakeData.refusing(LastmileException.user("datasets.train.batch", "/dev/shm is too small"));
    assertThatThrownBy(() -> Launch.start(experiment, options(), any -> refusing))
        .isInstanceOf(LastmileException.class)
        .hasMessage("/dev/shm is too small");
    assertThat(folder.resolve("runs")).doesNotExist();
    RuntimeFolder opened = refusing.folder;
    assertThat(opened).isNotNull();
    assertThat(List.of(opened)).allSatisfy(f -> assertThat(f.path()).doesNotExist());
  }

  @Test
  void ranksThatCannotBeStartedLeaveASummary() throws Exception {
    Experiment experiment = experiment("");
    Experiment impossible =
        new Experiment(
            "ads",
            1,
            Map.of(),
            new Training("train.py", List.of("x".repeat(1 << 20)), 2, 0, null),
            experiment.cluster(),
            experiment.origin());
    assertThatThrownBy(() -> Launch.start(impossible, options(), any -> data))
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.RESOURCES))
        .hasMessageStartingWith("Cannot start rank 0: ");
    assertThat(folder.resolve("runs/ads-1/summary.json"))
        .content()
        .contains("\"kind\":\"resources\"", "Cannot start rank 0: ", "\"exit_code\":null");
    assertNothingIsLeft();
  }

  @Test
  void mistakesLeaveNoRecord() throws Exception {
    Experiment experiment = experiment("");
    Files.move(folder.resolve("train.py"), folder.resolve("trian.py"));
    assertThatThrownBy(() -> Launch.start(experiment, options(), any -> data))
        .isInstanceOfSatisfying(
            LastmileException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(FailureKind.USER);
              assertThat(e.element()).isEqualTo("train.script");
            })
        .hasMessage(
            "Script not found: %s (did you mean \"trian.py\"?)"
                .formatted(folder.resolve("train.py")));

    Experiment opened =
        new Experiment(
            "ads",
            1,
            Map.of(),
            null,
            Cluster.local().workers(1).workerMemory(1L << 30),
            experiment.origin());
    assertThatThrownBy(() -> Launch.start(opened, options(), any -> data))
        .hasMessage(
            "Nothing to run: the experiment has no \"train\" section (it names the script)");
    assertThat(folder.resolve("runs")).doesNotExist();
  }
}
