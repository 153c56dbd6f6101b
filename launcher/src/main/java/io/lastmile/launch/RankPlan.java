package io.lastmile.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The ranks to start: the same command for each, told apart by their environment.
 *
 * @param attempt of the job, from 1: how often its ranks have been started
 * @param worldSize how many, &gt; 0
 * @param command program and arguments
 * @param folder where they run
 * @param environment variables of all of them, beside what the launcher sets itself: RANK,
 *     WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT, LASTMILE_ATTEMPT
 * @param logs existing folder that gets {@code rank-<r>.log} of each; that of an earlier attempt
 *     goes on
 */
public record RankPlan(
    int attempt,
    int worldSize,
    List<String> command,
    Path folder,
    Map<String, String> environment,
    Path logs) {
  public RankPlan {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }

  /** Where what a rank prints is kept. */
  public Path log(int rank) {
    return logs.resolve("rank-" + rank + ".log");
  }
}
