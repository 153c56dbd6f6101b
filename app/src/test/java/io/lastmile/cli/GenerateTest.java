package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.LastmileException;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class GenerateTest {
  @TempDir private Path folder;

  @Test
  void sameOptionsGiveTheseRows() {
    Path out = generated("a", "--shape", "narrow", "--rows", "5000", "--files", "2");

    assertThat(
            rows(
                "SELECT count(*), sum(user_id), sum(item_id), sum(label), sum(cat_0), count(dense_0),"
                    + " sum(len(seq_item)), sum(list_sum(seq_item))::BIGINT, count(DISTINCT surface)"
                    + " FROM '%s/impressions/*.parquet'",
                out))
        .containsExactly(
            List.of(5000L, 15206230L, 47333059L, 150L, 136317L, 4477L, 54430L, 630379447L, 4L));
  }

  @Test
  void rowsDoNotDependOnFilesAndRowGroups() {
    Path one = generated("a", "--shape", "narrow", "--rows", "6001", "--files", "1");
    Path four =
        generated(
            "b", "--shape", "narrow", "--rows", "6001", "--files", "4", "--row-group", "2048");

    String all = "SELECT * FROM '%s/impressions/*.parquet'";
    assertThat(rows(all, four)).isEqualTo(rows(all, one));
  }

  @Test
  void anotherSeedGivesOtherRows() {
    Path one = generated("a", "--shape", "narrow", "--rows", "1000", "--files", "1");
    Path two = generated("b", "--shape", "narrow", "--rows", "1000", "--files", "1", "--seed", "2");

    String all = "SELECT user_id, dense_1 FROM '%s/impressions/*.parquet'";
    assertThat(rows(all, two)).isNotEqualTo(rows(all, one));
  }

  @Test
  void fullShapeHasNullsEmptyListsAndNullLists() {
    Path out = generated("a", "--rows", "3000", "--files", "1", "--wide", "2");

    List<@Nullable Object> counts =
        rows(
                "SELECT count(*) - count(dense_0), count(*) - count(dense_1),"
                    + " count(*) - count(seq_board), count(*) FILTER (len(seq_item) = 0),"
                    + " min(len(user_emb)), max(len(user_emb)), max(len(seq_item)),"
                    + " count(wide_0), count(wide_1) FROM '%s/impressions/*.parquet'",
                out)
            .getFirst();
    assertThat(counts).containsExactly(329L, 0L, 147L, 188L, 64L, 64L, 256L, 3000L, 3000L);
  }

  @Test
  void embeddingsAreMarkedAsFixedSize() {
    Path out = generated("a", "--rows", "10", "--files", "1");

    assertThat(
            rows(
                "SELECT count(*) FROM parquet_kv_metadata('%s/impressions/part-00000.parquet')"
                    + " WHERE decode(key) = 'ARROW:schema' AND octet_length(value) > 1000",
                out))
        .containsExactly(List.of(1L));
  }

  @Test
  void rowsOfARequestShareTheirUserAndSequences() {
    Path out = generated("a", "--rows", "2001", "--files", "2", "--sessions", "20");

    assertThat(
            rows(
                "SELECT max(users), max(items), max(emb), max(n), count(*) FROM (SELECT"
                    + " count(DISTINCT user_id) AS users, count(DISTINCT seq_item) AS items,"
                    + " count(DISTINCT user_emb) AS emb, count(*) AS n"
                    + " FROM '%s/impressions/*.parquet' GROUP BY request_id)",
                out))
        .containsExactly(List.of(1L, 1L, 1L, 20L, 101L));
    assertThat(
            rows(
                "SELECT count(*) FROM (SELECT user_id < lag(user_id) OVER (PARTITION BY filename"
                    + " ORDER BY file_row_number) AS falls FROM read_parquet("
                    + "'%s/impressions/*.parquet', filename = true, file_row_number = true))"
                    + " WHERE falls",
                out))
        .containsExactly(List.of(0L));
  }

  @Test
  void spamUsersAreTenThousandDifferentOnes() {
    Path out = generated("a", "--shape", "narrow", "--rows", "1", "--files", "1");

    assertThat(
            rows(
                "SELECT count(DISTINCT user_id), min(user_id) >= 0, max(user_id) < 200000"
                    + " FROM '%s/spam_users.parquet'",
                out))
        .containsExactly(List.of(10_000L, true, true));
  }

  @Test
  void refusesAFolderWithFiles() throws Exception {
    Path impressions = folder.resolve("a/impressions");
    Files.createDirectories(impressions);
    Files.createFile(impressions.resolve("old.parquet"));

    assertThatThrownBy(() -> generated("a", "--rows", "1"))
        .isInstanceOf(LastmileException.class)
        .hasMessage(
            "The folder %s is not empty (remove it or name another OUT)".formatted(impressions));
  }

  @Test
  void refusesWrongOptions() {
    assertThatThrownBy(() -> generated("a", "--rows", "0"))
        .hasMessage("Invalid --rows: 0 (must be >= 1)");
    assertThatThrownBy(() -> generated("a", "--shape", "tall"))
        .hasMessage("Invalid --shape: tall (must be full or narrow)");
  }

  private Path generated(String name, String... options) {
    Path out = folder.resolve(name);
    CommandLine command = new CommandLine(new Generate());
    command.setOut(new PrintWriter(new StringWriter(), true));
    command.setExecutionExceptionHandler((failure, _, _) -> {
      throw failure;
    });
    command.parseArgs(withFolder(out, options));
    command.<Generate>getCommand().call();
    return out;
  }

  private static String[] withFolder(Path out, String[] options) {
    String[] all = new String[options.length + 1];
    all[0] = out.toString();
    System.arraycopy(options, 0, all, 1, options.length);
    return all;
  }

  private static List<List<@Nullable Object>> rows(String sql, Path out) {
    try (Engine engine = Engine.open(1L << 30);
        Session session = engine.connect()) {
      return session.rows(sql.formatted(out));
    }
  }
}
