package io.lastmile.cli;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Engine;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Turns the six logs of the Open Bandit sample into Parquet tables with one common schema, row for
 * row in the order of the logs, and makes a list of blocked items.
 */
@Command(
    name = "open-bandit",
    hidden = true,
    description = "Converts the logs of the Open Bandit sample for `lastmile demo`.")
final class OpenBandit implements Callable<Integer> {
  private static final List<String> POLICIES = List.of("bts", "random");
  private static final long MEMORY = 1L << 30;

  /** The widest log has so many affinities, one per item of its campaign. */
  private static final int AFFINITIES = 80;

  @Parameters(index = "0", description = "the folder with POLICY/CAMPAIGN/CAMPAIGN.csv")
  private @Nullable Path logs;

  @Parameters(index = "1", description = "the folder to write to")
  private @Nullable Path out;

  @Override
  public Integer call() {
    if (logs == null || out == null) {
      throw new IllegalStateException("picocli has not filled the parameters");
    }
    convert(logs, out);
    return 0;
  }

  private static void convert(Path logs, Path out) {
    try (Engine engine = Engine.open(MEMORY);
        Session session = engine.connect()) {
      Files.createDirectories(out.resolve("logs"));
      for (String policy : POLICIES) {
        for (Campaign campaign : Campaign.values()) {
          session.execute(copyLog(logs, out, policy, campaign));
        }
      }
      session.execute(copyBlockedItems(out));
    } catch (QueryException e) {
      throw LastmileException.of(
          FailureKind.DATA, "Cannot convert the logs in %s: %s".formatted(logs, e.summary()), e);
    } catch (IOException e) {
      throw LastmileException.of(FailureKind.RESOURCES, "Cannot write to %s: %s".formatted(out, e));
    }
  }

  /** A campaign of the shop; its items are numbered from 0. */
  private enum Campaign {
    ALL("all", 80),
    MEN("men", 34),
    WOMEN("women", 46);

    private final String word;
    private final int items;

    Campaign(String word, int items) {
      this.word = word;
      this.items = items;
    }
  }

  private static String copyLog(Path logs, Path out, String policy, Campaign campaign) {
    Path log = logs.resolve(policy).resolve(campaign.word).resolve(campaign.word + ".csv");
    Path table = out.resolve("logs").resolve(policy + "-" + campaign.word + ".parquet");
    return """
    COPY (
      SELECT replace("timestamp", '+00:00', '')::TIMESTAMP AS ts,
        '%s' AS policy, '%s' AS campaign, item_id::INTEGER AS item_id,
        '%2$s:' || item_id AS item_key, "position"::INTEGER AS "position",
        click::TINYINT AS click, propensity_score::DOUBLE AS propensity_score,
        user_feature_0, user_feature_1, user_feature_2, user_feature_3,
        %s
      FROM read_csv('%s', header = true, all_varchar = true, delim = ',', quote = '"')
    ) TO '%s' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)\
    """
        .formatted(policy, campaign.word, affinities(campaign), path(log), path(table));
  }

  private static String affinities(Campaign campaign) {
    return IntStream.range(0, AFFINITIES)
        .mapToObj(item -> {
          String value = item < campaign.items ? "\"user-item_affinity_" + item + "\"" : "NULL";
          return value + "::FLOAT AS affinity_" + item;
        })
        .collect(Collectors.joining(", "));
  }

  /** Every twentieth item of a campaign stands for what a shop does not want to recommend. */
  private static String copyBlockedItems(Path out) {
    String keys =
        Stream.of(Campaign.values())
            .flatMap(campaign ->
                IntStream.range(0, campaign.items)
                    .filter(item -> item % 20 == 7)
                    .mapToObj(item -> "('" + campaign.word + ":" + item + "')"))
            .collect(Collectors.joining(", "));
    return "COPY (SELECT * FROM (VALUES %s) AS blocked(item_key)) TO '%s' (FORMAT parquet)"
        .formatted(keys, path(out.resolve("blocked_items.parquet")));
  }

  private static String path(Path path) {
    return path.toString().replace("'", "''");
  }
}
