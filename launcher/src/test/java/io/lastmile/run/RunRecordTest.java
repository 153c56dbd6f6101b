package io.lastmile.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunRecordTest {
  private static final Instant NOON = Instant.parse("2026-03-01T12:00:00.123456Z");

  @TempDir Path runs;

  private RunRecord record() {
    return RunRecord.create(runs, "ads", Clock.fixed(NOON, ZoneOffset.UTC));
  }

  static Summary summary() {
    return new Summary(
        "ads",
        Instant.parse("2026-03-01T12:00:00Z"),
        12.5,
        Summary.Exit.OK,
        2,
        734003200L,
        List.of(new Summary.Rank(0, 120L, 0.125, 0), new Summary.Rank(1, null, null, null)),
        Map.of(
            "train",
            new Summary.Dataset(
                0.5,
                1,
                new Summary.Pruned(3, 20, 5000),
                List.of(
                    new Summary.Epoch(
                        0,
                        1000,
                        List.of(new Summary.StepRows(null, 1, "explode", 20)),
                        List.of(
                            new Summary.StepRows("organic", 0, "anti_join", 100),
                            new Summary.StepRows(null, 2, "downsample", 400)),
                        500,
                        1,
                        new Summary.Positives("click", 25),
                        Map.of("city", 12L),
                        List.of(new Summary.MixedRows("organic", 1, 900, 100, 400)),
                        new Summary.Estimated(
                            new Summary.Compared(490, 480L, 499L, 500, false),
                            new Summary.Compared(24, 20L, 28L, 25, true),
                            new Summary.Compared(5, null, null, 5, null)))))));
  }

  @Test
  void theNumberIsTheNextFreeOne() throws IOException {
    Files.createDirectory(runs.resolve("ads-2"));
    assertThat(record().id()).isEqualTo("ads-1");
    RunRecord third = record();
    assertThat(third.id()).isEqualTo("ads-3");
    assertThat(third.folder()).isEqualTo(runs.resolve("ads-3"));
    assertThat(third.logs()).isDirectory();
  }

  @Test
  void runsThatStartAtOnceGetNumbersOfTheirOwn() throws Exception {
    List<Future<String>> ids = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 20; i++) {
        ids.add(threads.submit(() -> record().id()));
      }
    }
    List<String> made = new ArrayList<>();
    for (Future<String> id : ids) {
      made.add(id.get());
    }
    assertThat(made).doesNotHaveDuplicates().contains("ads-1", "ads-20");
  }

  @Test
  void aPlaceThatCannotBeMadeIsNamed() throws IOException {
    Path file = Files.writeString(runs.resolve("file"), "");
    assertThatThrownBy(() -> RunRecord.create(file, "ads"))
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.USER))
        .hasMessage(
            "Cannot make a run record in %s: %s (choose another folder: --runs DIR)"
                .formatted(file, file));
  }

  @Test
  void eventsAndLogAreAppended() throws IOException {
    RunRecord record = record();
    record.event("rank_started", Map.of("rank", 0, "pid", 17L));
    record.event("ended", Map.of());
    record.log("first");
    record.log("second");
    assertThat(record.folder().resolve("events.jsonl"))
        .hasContent(
            """
            {"event":"rank_started","pid":17,"rank":0,"time":"2026-03-01T12:00:00.123Z"}
            {"event":"ended","time":"2026-03-01T12:00:00.123Z"}
            """);
    assertThat(record.logs().resolve("driver.log"))
        .hasContent("2026-03-01T12:00:00.123Z first\n2026-03-01T12:00:00.123Z second\n");
  }

  @Test
  void experimentAndFilesAreKept() {
    RunRecord record = record();
    record.experiment("{\"name\":\"ads\"}", Path.of("/data"));
    record.files(Map.of("train", List.of(Map.of("path", "a.parquet", "bytes", 10L))));
    assertThat(record.folder().resolve("experiment.json")).hasContent("{\"name\":\"ads\"}");
    assertThat(record.folder().resolve("files.json"))
        .hasContent("{\"train\":[{\"bytes\":10,\"path\":\"a.parquet\"}]}");
  }

  @Test
  void theSummaryHasEveryKey() throws IOException {
    RunRecord record = record();
    record.summary(summary());
    assertThat(record.folder().resolve("summary.json"))
        .hasContent(
            "{\"datasets\":{\"train\":{\"epochs\":[{\"epoch\":0,\"estimated\":{\"positives\":{\"actual\":25,\"estimate\":24,\"high\":28,\"inside\":true,\"low\":20},\"rows\":{\"actual\":500,\"estimate\":490,\"high\":499,\"inside\":false,\"low\":480},"
                + "\"steps\":{\"actual\":5,\"estimate\":5,\"high\":null,\"inside\":null,\"low\":null}},\"label\":\"click\",\"mixed\":[{\"dataset\":\"organic\",\"passes\":1,"
                + "\"rows_delivered\":400,\"rows_read\":900,\"rows_unread\":100}],\"positives\":25,\"rows_added\":["
                + "{\"kind\":\"explode\",\"rows\":20,\"step\":1}],"
                + "\"rows_delivered\":500,\"rows_dropped\":["
                + "{\"dataset\":\"organic\",\"kind\":\"anti_join\",\"rows\":100,\"step\":0},"
                + "{\"kind\":\"downsample\",\"rows\":400,\"step\":2}],"
                + "\"rows_padded\":1,\"rows_read\":1000,\"unknown\":{\"city\":12}}],"
                + "\"pruned\":{\"files\":3,\"row_groups\":20,\"rows\":5000},"
                + "\"row_groups_skipped\":1,\"time_to_first_batch_s\":0.5}},"
                + "\"exit\":{\"code\":0,\"kind\":\"ok\",\"message\":null},"
                + "\"memory_peak_bytes\":734003200,\"name\":\"ads\",\"ranks\":["
                + "{\"exit_code\":0,\"rank\":0,\"steps\":120,\"trainer_wait_share\":0.125},"
                + "{\"exit_code\":null,\"rank\":1,\"steps\":null,\"trainer_wait_share\":null}],"
                + "\"restarts\":2,\"seconds\":12.5,\"started\":\"2026-03-01T12:00:00Z\",\"version\":1}");
    try (var files = Files.list(record.folder())) {
      assertThat(files.map(p -> p.getFileName().toString()))
          .containsExactlyInAnyOrder("lock", "logs", "summary.json");
    }
  }

  @Test
  void runsAreListedOldestFirst() throws IOException {
    assertThat(RecordedRun.list(runs.resolve("none"))).isEmpty();
    RunRecord done = record();
    done.experiment("{}", Path.of("/data"));
    done.summary(summary());
    RunRecord open = record();
    open.experiment("{}", Path.of("/data"));
    Files.createDirectory(runs.resolve("something-else"));

    List<RecordedRun> listed = RecordedRun.list(runs);
    assertThat(listed).hasSize(2);
    assertThat(listed.get(0))
        .isEqualTo(
            new RecordedRun("ads-1", Instant.parse("2026-03-01T12:00:00Z"), 12.5, "ok", 500L));
    assertThat(listed.get(1).id()).isEqualTo("ads-2");
    assertThat(listed.get(1).kind()).isNull();
  }

  @Test
  void countsLieAtTheOrdinalsOfTheirSplits() throws IOException {
    RunRecord record = record();
    record.counts("train-0.0.counts", 2, new long[] {5, 0});
    record.counts("train-0.0.counts", 4, new long[] {7});
    record.counts("train-0.0.counts", 0, new long[] {3});
    record.counts("train-0.0.counts", 9, new long[0]);
    ByteBuffer bytes =
        ByteBuffer.wrap(Files.readAllBytes(record.folder().resolve("lineage/train-0.0.counts")))
            .order(ByteOrder.LITTLE_ENDIAN);
    long[] counts = new long[5];
    bytes.asLongBuffer().get(counts);
    assertThat(bytes.capacity()).isEqualTo(40);
    assertThat(counts).containsExactly(3, -1, 5, 0, 7);
  }

  @Test
  void lineagesAreKeptByEpochAndCanBeGoneOnWith() throws IOException {
    RunRecord record = record();
    assertThat(record.lineage("train-0")).isNull();
    record.lineage("train-10", Map.of("epoch", 10L));
    record.lineage("train-2", Map.of("epoch", 2L));
    record.counts("train-2.0.counts", 0, new long[] {3});
    assertThat(record.lineage("train-2")).isEqualTo(Map.of("epoch", 2L));
    record.experiment("{}", runs);
    assertThat(RecordedRun.kept(record.folder()).lineage())
        .extracting(path -> path.getFileName().toString())
        .containsExactly("train-2.json", "train-10.json");
    Files.writeString(record.folder().resolve("lineage/train-2.json"), "{");
    assertThat(record.lineage("train-2")).isNull();
  }
}
