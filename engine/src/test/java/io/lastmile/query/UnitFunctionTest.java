package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnitFunctionTest {
  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  @Test
  void agreesWithAnotherImplementation() throws IOException {
    int count = 0;
    for (String line : XXH64Test.lines("lastmile_unit.tsv")) {
      String[] fields = line.split("\t", -1);
      String epoch = fields[2].isEmpty() ? "NULL" : fields[2];
      String keys = fields[3].isEmpty() ? "" : ", " + fields[3];
      String salt = Expressions.literal(fields[1]);
      String sql = "SELECT lastmile_unit(" + fields[0] + ", " + salt + ", " + epoch + keys + ")";
      assertThat(DUCK.value(sql)).as(sql).isEqualTo(Double.parseDouble(fields[4]));
      count++;
    }
    assertThat(count).isEqualTo(145);
  }

  @Test
  void hashesEachRowOfAColumn() {
    DUCK.session()
        .execute(
            "CREATE TEMP TABLE t AS SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE i END AS n,"
                + " repeat('s', (i % 40)::INT) AS s FROM range(5000) r(i)");
    String sql = "SELECT i, lastmile_unit(7, 'salt', NULL, n, s) FROM t";
    int count = 0;
    for (var row : DUCK.session().rows(sql)) {
      long i = (Long) row.get(0);
      byte[] text = "s".repeat((int) (i % 40)).getBytes(StandardCharsets.UTF_8);
      ByteBuffer bytes = ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN);
      bytes.put("salt".getBytes(StandardCharsets.UTF_8)).put((byte) 0);
      if (i % 3 == 0) {
        bytes.put((byte) 0);
      } else {
        bytes.put((byte) 1).putLong(i);
      }
      bytes.put((byte) 2).putInt(text.length).put(text).flip();
      byte[] hashed = new byte[bytes.limit()];
      bytes.get(hashed);
      assertThat(row.get(1)).isEqualTo(XXH64.unit(XXH64.hash(hashed, 7)));
      count++;
    }
    assertThat(count).isEqualTo(5000);
  }

  @Test
  void takesSeedSaltAndEpochOfEachRow() {
    String sql =
        """
        SELECT count(*) FROM (
          SELECT lastmile_unit(i, 'a long salt of row ' || i, CASE WHEN i % 2 = 0 THEN i END, s) u,
            lastmile_unit(i, 'a long salt of row ' || i, CASE WHEN i % 2 = 0 THEN i END, s) v,
            lastmile_unit(i, 'a long salt of row ' || i, CASE WHEN i % 2 = 1 THEN i END, s) w
          FROM (SELECT i, 'key' AS s FROM range(5000) t(i)))
        WHERE u = v AND u <> w\
        """;
    assertThat(DUCK.value(sql)).isEqualTo(5000L);
  }

  @Test
  void nestsAndSpreads() {
    String sql =
        """
        SELECT count(*) FILTER (u < 0.05), count(*) FILTER (u < 0.05 AND NOT u < 0.1),
          count(*) FILTER (u < 0.5 AND v < 0.5)
        FROM (SELECT lastmile_unit(1, 'downsample', NULL, i) u, lastmile_unit(1, 'split', NULL, i) v
          FROM range(100000) t(i))\
        """;
    var counts = DUCK.session().rows(sql).getFirst();
    assertThat((Long) counts.get(0)).isBetween(4700L, 5300L);
    assertThat(counts.get(1)).isEqualTo(0L);
    assertThat((Long) counts.get(2)).isBetween(24400L, 25600L);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "1.5::FLOAT", "1::HUGEINT", "TIME '10:00:00'", "[1]", "{'a': 1}"})
  void refusesOtherKeysWhenItIsBound(String key) {
    String sql = "SELECT lastmile_unit(1, 's', NULL, 1, " + key + ")";
    assertThat(DUCK.failure(sql).kind()).isEqualTo(QueryException.Kind.BINDER);
    assertThat(DUCK.failure(sql).summary())
        .startsWith("A sampling key cannot be of type ")
        .endsWith(" (must be an integer, a string, bytes, a BOOLEAN, a DATE or a TIMESTAMP)");
  }

  @Test
  void namesTheTypeItRefuses() {
    assertThat(DUCK.failure("SELECT lastmile_unit(1, 's', NULL, 1.5::FLOAT)").summary())
        .isEqualTo(
            "A sampling key cannot be of type FLOAT"
                + " (must be an integer, a string, bytes, a BOOLEAN, a DATE or a TIMESTAMP)");
  }

  @Test
  void refusesANullSeedOrSalt() {
    assertThat(DUCK.failure("SELECT lastmile_unit(1, NULL, NULL, 1)").summary())
        .isEqualTo("lastmile_unit: the seed and the salt must not be null");
    assertThat(DUCK.failure("SELECT lastmile_unit(NULL, 's', NULL, 1)").summary())
        .isEqualTo("lastmile_unit: the seed and the salt must not be null");
  }

  @Test
  void roundsTheUnsignedHashToTheNearestDouble() {
    assertThat(XXH64.unit(0)).isEqualTo(0.0);
    assertThat(XXH64.unit(1L << 63)).isEqualTo(0.5);
    assertThat(XXH64.unit(0xFFFFFFFFFFFFFBFFL)).isEqualTo(1 - 0x1p-53);
    assertThat(XXH64.unit(0xFFFFFFFFFFFFFC00L)).isEqualTo(1.0);
    assertThat(XXH64.unit(-1)).isEqualTo(1.0);
  }
}
