package io.lastmile;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Json;
import io.lastmile.feed.Lineage;
import io.lastmile.run.RunRecord;
import io.lastmile.sequence.Counts;
import io.lastmile.sequence.DeliveredSplits;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.SplitCounts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A dataset whose splits have ten rows each. */
class LineageLogTest {
  @TempDir private Path runs = Path.of("");

  private RunRecord record() {
    return RunRecord.create(runs, "ads");
  }

  private static Lineage.Beginning beginning(int split, int ranks) {
    Counts none = new Counts(0, List.of(), List.of(), 0, 0, null, Map.of());
    Position start =
        new Position(
            "f",
            0,
            split,
            10L * split,
            split,
            0,
            List.of(),
            new DeliveredSplits(split, List.of()),
            List.of(),
            none,
            0,
            null);
    return new Lineage.Beginning(start, null, ranks, 5, List.of(new SplitCounts(split)));
  }

  private static void complete(Lineage.Beginning of, int first, int end) {
    for (int split = first; split < end; split++) {
      of.counts().getFirst().add(split, 10);
    }
    of.took(10L * end);
  }

  private static List<Long> counts(RunRecord record) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.wrap(Files.readAllBytes(record.folder().resolve("lineage/train-0.0.counts")))
            .order(ByteOrder.LITTLE_ENDIAN);
    List<Long> counts = new ArrayList<>();
    while (bytes.hasRemaining()) {
      counts.add(bytes.getLong());
    }
    return counts;
  }

  /** Ranks, first row and end of each beginning. */
  private static List<List<Object>> beginnings(RunRecord record) throws IOException {
    String json = Files.readString(record.folder().resolve("lineage/train-0.json"));
    List<List<Object>> told = new ArrayList<>();
    if (Json.parse(json) instanceof Map<?, ?> tree && tree.get("beginnings") instanceof List<?> l) {
      for (Object each : l) {
        Map<?, ?> one = (Map<?, ?>) each;
        told.add(
            List.of(
                String.valueOf(one.get("ranks")),
                String.valueOf(one.get("row")),
                String.valueOf(one.get("to_row"))));
      }
    }
    return told;
  }

  @Test
  void growsWithTheRun() throws IOException {
    RunRecord record = record();
    Lineage lineage = new Lineage("train");
    LineageLog log = new LineageLog(record);
    log.write(lineage);
    assertThat(record.folder().resolve("lineage")).doesNotExist();
    Lineage.Beginning first = beginning(0, 2);
    lineage.add(first);
    complete(first, 0, 2);
    log.write(lineage);
    assertThat(counts(record)).containsExactly(10L, 10L);
    complete(first, 2, 4);
    log.write(lineage);
    assertThat(counts(record)).containsExactly(10L, 10L, 10L, 10L);
    assertThat(beginnings(record)).containsExactly(List.of("2", "0", "40"));
  }

  @Test
  void whatDoesNotChangeIsNotWrittenAgain() throws IOException {
    RunRecord record = record();
    Lineage lineage = new Lineage("train");
    LineageLog log = new LineageLog(record);
    Lineage.Beginning first = beginning(0, 2);
    lineage.add(first);
    complete(first, 0, 2);
    log.write(lineage);
    FileTime old = FileTime.fromMillis(0);
    for (String file : List.of("lineage/train-0.json", "lineage/train-0.0.counts")) {
      Files.setLastModifiedTime(record.folder().resolve(file), old);
    }
    log.write(lineage);
    for (String file : List.of("lineage/train-0.json", "lineage/train-0.0.counts")) {
      assertThat(Files.getLastModifiedTime(record.folder().resolve(file))).isEqualTo(old);
    }
  }

  @Test
  void anotherDriverGoesOnWithTheRecord() throws IOException {
    RunRecord record = record();
    Lineage before = new Lineage("train");
    Lineage.Beginning first = beginning(0, 2);
    before.add(first);
    complete(first, 0, 4);
    new LineageLog(record).write(before);

    Lineage after = new Lineage("train");
    LineageLog log = new LineageLog(record);
    Lineage.Beginning second = beginning(3, 3);
    after.add(second);
    log.write(after);
    assertThat(counts(record)).containsExactly(10L, 10L, 10L, 10L);
    complete(second, 3, 6);
    log.write(after);
    Lineage.Beginning third = beginning(8, 1);
    after.add(third);
    complete(third, 8, 9);
    log.write(after);
    assertThat(counts(record)).containsExactly(10L, 10L, 10L, 10L, 10L, 10L, -1L, -1L, 10L);
    assertThat(beginnings(record))
        .containsExactly(
            List.of("2", "0", "40"), List.of("3", "30", "60"), List.of("1", "80", "90"));
  }
}
