package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class OpenBanditTest {
  private static final Map<String, Integer> ITEMS = Map.of("all", 80, "men", 34, "women", 46);

  @TempDir private Path folder;

  @Test
  void sixLogsBecomeTablesOfOneSchema() throws IOException {
    for (String policy : List.of("bts", "random")) {
      for (String campaign : ITEMS.keySet()) {
        writeLog(policy, campaign);
      }
    }
    Path out = folder.resolve("tables");

    int exit = new CommandLine(new OpenBandit()).execute(folder.toString(), out.toString());

    assertThat(exit).isZero();
    try (Engine engine = Engine.open(1L << 30);
        Session session = engine.connect()) {
      assertThat(
              session.rows(
                  "SELECT policy, campaign, item_key, epoch_us(ts), click, affinity_1, affinity_33,"
                      + " affinity_34 FROM '%s/logs/*.parquet' WHERE item_id = 2 ORDER BY ALL"
                          .formatted(out)))
          .hasSize(6)
          .first()
          .isEqualTo(List.of("bts", "all", "all:2", 1574553663979311L, 0L, 0.5, 0.5, 0.5));
      assertThat(
              session.rows(
                  "SELECT count(*), count(affinity_34), count(affinity_45), count(affinity_79)"
                      + " FROM '%s/logs/*.parquet'".formatted(out)))
          .containsExactly(List.of(12L, 8L, 8L, 4L));
      assertThat(session.rows("SELECT item_key FROM '%s/blocked_items.parquet'".formatted(out)))
          .extracting(List::getFirst)
          .containsExactly(
              "all:7", "all:27", "all:47", "all:67", "men:7", "men:27", "women:7", "women:27");
    }
  }

  private void writeLog(String policy, String campaign) throws IOException {
    String affinities =
        IntStream.range(0, ITEMS.getOrDefault(campaign, 0))
            .mapToObj(item -> "user-item_affinity_" + item)
            .collect(Collectors.joining(","));
    String values = affinities.replaceAll("user-item_affinity_\\d+", "0.5");
    Path log = folder.resolve(policy).resolve(campaign).resolve(campaign + ".csv");
    Files.createDirectories(log.getParent());
    Files.writeString(
        log,
        ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
            + "user_feature_2,user_feature_3,"
            + affinities
            + "\n0,2019-11-24 00:01:03.979311+00:00,2,2,0,0.045525,a,b,c,d,"
            + values
            + "\n1,2019-11-30 00:00:00+00:00,3,1,1,0.5,a,b,c,d,"
            + values
            + "\n");
  }
}
