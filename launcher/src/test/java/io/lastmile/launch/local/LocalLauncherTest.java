package io.lastmile.launch.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.launch.RankPlan;
import io.lastmile.launch.Ranks;
import io.lastmile.launch.RanksEnd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class LocalLauncherTest {
  /** Three times what the end of the ranks may take. */
  private static final Duration TIMEOUT = Duration.ofSeconds(6);

  @TempDir Path folder;

  private Heard heard = new Heard(0);

  /** The ranks here have no supervisor, so nothing but the launcher ends them. */
  private Ranks start(int worldSize, String bash) {
    return new LocalLauncher()
        .start(
            new RankPlan(
                1,
                worldSize,
                List.of("bash", "-c", bash),
                folder,
                Map.of("COLOUR", "blue"),
                folder),
            heard);
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(heard.pids.values())
        .allSatisfy(pid -> assertThat(ProcessHandle.of(pid)).isNotPresent());
  }

  @Test
  void everyRankGetsItsEnvironmentAndRunsInTheFolder() throws Exception {
    RanksEnd end =
        start(
                2,
                "echo $RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE $MASTER_ADDR $COLOUR $PWD;"
                    + " echo port $MASTER_PORT >&2")
            .await();

    assertThat(end).isEqualTo(new RanksEnd(List.of(0, 0), List.of(), null));
    String common = " 2 2 127.0.0.1 blue " + folder;
    assertThat(heard.lines).hasSize(4).contains("0 STDOUT 0 0" + common, "1 STDOUT 1 1" + common);
    List<String> ports = heard.lines.stream().filter(line -> line.contains("STDERR")).toList();
    assertThat(ports).allSatisfy(line -> assertThat(line).matches("[01] STDERR port \\d{4,5}"));
    assertThat(ports.get(0).substring(1)).isEqualTo(ports.get(1).substring(1));
    assertThat(heard.exitCodes).isEqualTo(Map.of(0, 0, 1, 0));
  }

  @Test
  void whatRanksPrintIsKeptAsItIs() throws Exception {
    RanksEnd end = start(1, "printf 'a\\r\\nb 1%%\\rb 2%%\\rb 3%%\\n\\nlast'").await();

    assertThat(end.exitCodes()).containsExactly(0);
    assertThat(heard.lines)
        .containsExactly(
            "0 STDOUT a",
            "0 STDOUT b 1%",
            "0 STDOUT b 2%",
            "0 STDOUT b 3%",
            "0 STDOUT ",
            "0 STDOUT last");
    assertThat(Files.readString(folder.resolve("rank-0.log")))
        .isEqualTo("a\r\nb 1%\rb 2%\rb 3%\n\nlast");
  }

  @Test
  void aRankThatEndsWellLeavesTheOthersAlone() throws Exception {
    RanksEnd end = start(2, "[ $RANK = 0 ] || { sleep 0.5; echo late; }").await();

    assertThat(end).isEqualTo(new RanksEnd(List.of(0, 0), List.of(), null));
    assertThat(heard.lines).containsExactly("1 STDOUT late");
  }

  @Test
  void aRankThatFailsEndsAll() throws Exception {
    RanksEnd end = start(3, "[ $RANK = 1 ] && exit 3; exec sleep 60").await();

    assertThat(end.exitCodes()).containsExactly(143, 3, 143);
    assertThat(end.failed()).containsExactly(1);
    assertThat(heard.failures).containsExactly(end.failure());
    assertThat(end.failure())
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.TRAINER))
        .hasMessage(
            "Rank 1 exited with code 3 (its output: %s)".formatted(folder.resolve("rank-1.log")));
  }

  @Test
  void stalledRanksAreAskedForTheirStacksAndAllEnd() throws Exception {
    heard = new Heard(3);
    Ranks ranks =
        start(3, "[ $RANK = 0 ] && trap '' ABRT; echo ready; while :; do sleep 0.1; done");
    heard.awaitReady();
    ranks.stall(List.of(0, 2), Duration.ofMillis(1500));
    ranks.stall(List.of(1), Duration.ofMillis(1500));
    RanksEnd end = ranks.await();

    assertThat(end.exitCodes()).containsExactly(143, 143, 134);
    assertThat(end.failed()).containsExactly(0, 2);
    assertThat(end.failure())
        .hasMessage(
            "Ranks 0 and 2 have made no step for 1.5 s (train.stall_timeout); their stacks are in %s; rank 0 gave no stacks"
                .formatted(folder.resolve("rank-2.log")));
    assertThat(heard.failures).containsExactly(end.failure());
  }

  @Test
  void aLaterAttemptGoesOnWithTheLogs() throws Exception {
    RanksEnd _ = start(1, "echo one").await();
    RankPlan again =
        new RankPlan(
            2, 1, List.of("bash", "-c", "echo $LASTMILE_ATTEMPT"), folder, Map.of(), folder);
    RanksEnd _ = new LocalLauncher().start(again, heard).await();
    assertThat(folder.resolve("rank-0.log")).hasContent("one\nlastmile: attempt 2 begins\n2\n");
  }

  @Test
  void aSignalThatEndsARankIsNamed() throws Exception {
    RanksEnd end = start(1, "kill -SEGV $$").await();

    assertThat(end.exitCodes()).containsExactly(139);
    assertThat(end.failure())
        .hasMessage(
            "Rank 0 was ended by signal 11 (SIGSEGV) (its output: %s)"
                .formatted(folder.resolve("rank-0.log")));
  }

  @Test
  void cancelEndsRanksAtOnce() throws Exception {
    heard = new Heard(2);
    Ranks ranks = start(2, "echo ready; exec sleep 60");
    heard.awaitReady();

    long before = System.nanoTime();
    ranks.cancel();
    ranks.cancel();
    RanksEnd end = ranks.await();
    ranks.cancel();

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(TIMEOUT);
    assertThat(end).isEqualTo(new RanksEnd(List.of(143, 143), List.of(), null));
    assertThat(ranks.await()).isEqualTo(end);
  }

  @Test
  void aRankThatDoesNotListenIsKilledWithAllBelowIt() throws Exception {
    heard = new Heard(1);
    Ranks ranks =
        start(
            1,
            "trap '' TERM; bash -c 'trap \"\" TERM; echo $$ > grandchild; echo ready; sleep 60; :';"
                + " while :; do :; done");
    heard.awaitReady();

    long before = System.nanoTime();
    ranks.cancel();
    RanksEnd end = ranks.await();

    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(TIMEOUT);
    assertThat(end.exitCodes()).containsExactly(137);
    assertGone(Long.parseLong(Files.readString(folder.resolve("grandchild")).strip()));
  }

  @Test
  void aStoppedRankEndsToo() throws Exception {
    heard = new Heard(1);
    Ranks ranks = start(1, "echo ready; kill -STOP $$");
    heard.awaitReady();
    Thread.sleep(50);
    ranks.cancel();
    assertThat(ranks.await().exitCodes()).containsExactly(137);
  }

  @Test
  void whatARankLeavesBehindDoesNotHoldUpTheEnd() throws Exception {
    long before = System.nanoTime();
    RanksEnd end = start(1, "sleep 30 & echo $! > left; echo done").await();
    long left = Long.parseLong(Files.readString(folder.resolve("left")).strip());
    assertThat(ProcessHandle.of(left).map(ProcessHandle::destroyForcibly)).hasValue(true);

    assertThat(end.exitCodes()).containsExactly(0);
    assertThat(heard.lines).containsExactly("0 STDOUT done");
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(TIMEOUT);
  }

  @Test
  void aProgramThatDoesNotExistStartsNothing() {
    RankPlan plan = new RankPlan(1, 2, List.of("/no/such/program"), folder, Map.of(), folder);
    assertThatThrownBy(() -> new LocalLauncher().start(plan, heard))
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.RESOURCES))
        .hasMessageStartingWith("Cannot start rank 0: ")
        .hasMessageContaining("/no/such/program");
    assertThat(heard.pids).isEmpty();
  }

  @Test
  void aLogThatCannotBeMadeEndsTheRanksBeforeIt() throws IOException {
    Files.createDirectory(folder.resolve("rank-1.log"));
    assertThatThrownBy(() -> start(2, "exec sleep 60"))
        .hasMessageStartingWith("Cannot start rank 1: ");
    heard.pids.values().forEach(LocalLauncherTest::assertGone);
  }

  private static void assertGone(long pid) {
    long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
    while (runs(pid) && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(runs(pid)).isFalse();
  }

  /** A killed process stays visible until the machine's init process has taken note of its end. */
  private static boolean runs(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException _) {
      return false;
    }
  }
}
