package io.lastmile.launch.local;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.launch.Launcher;
import io.lastmile.launch.RankListener;
import io.lastmile.launch.RankPlan;
import io.lastmile.launch.Ranks;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Starts the ranks as processes of this machine. */
public final class LocalLauncher implements Launcher {
  private static final String MASTER_ADDRESS = "127.0.0.1";

  @Override
  public Ranks start(RankPlan plan, RankListener listener) {
    int port = freePort();
    List<RankProcess> started = new ArrayList<>();
    try {
      for (int rank = 0; rank < plan.worldSize(); rank++) {
        started.add(start(plan, rank, port, listener));
      }
    } catch (IOException e) {
      for (RankProcess process : started) {
        process.kill();
        process.log().close();
      }
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Cannot start rank %d: %s".formatted(started.size(), e.getMessage()),
          e);
    }
    return LocalRanks.watch(started, listener);
  }

  private static RankProcess start(RankPlan plan, int rank, int port, RankListener listener)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(plan.command())
            .directory(plan.folder().toFile())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.environment().putAll(plan.environment());
    builder.environment().putAll(variables(plan, rank, port));
    RankLog log = RankLog.open(rank, plan.log(rank), plan.attempt(), listener);
    try {
      Process process = builder.start();
      listener.started(rank, process.pid());
      return RankProcess.of(rank, process, log);
    } catch (IOException e) {
      log.close();
      throw e;
    }
  }

  private static Map<String, String> variables(RankPlan plan, int rank, int port) {
    int worldSize = plan.worldSize();
    return Map.of(
        "LASTMILE_ATTEMPT", String.valueOf(plan.attempt()),
        "RANK", String.valueOf(rank),
        "LOCAL_RANK", String.valueOf(rank),
        "WORLD_SIZE", String.valueOf(worldSize),
        "LOCAL_WORLD_SIZE", String.valueOf(worldSize),
        "MASTER_ADDR", MASTER_ADDRESS,
        "MASTER_PORT", String.valueOf(port));
  }

  /** A port that nobody listens on now; rank 0 takes it a moment later. */
  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral(MASTER_ADDRESS))) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "No free port on %s for the ranks: %s".formatted(MASTER_ADDRESS, e.getMessage()),
          e);
    }
  }
}
