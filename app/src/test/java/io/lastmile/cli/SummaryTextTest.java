package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.RankProgress;
import io.lastmile.plan.Pruned;
import io.lastmile.run.Summary;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SummaryTextTest {
  private static final Path RECORD = Path.of("/data/runs/ads-3");

  @Test
  void everythingIsSaid() {
    Map<String, Summary.Dataset> datasets = new LinkedHashMap<>();
    datasets.put(
        "train",
        new Summary.Dataset(
            0.52,
            2,
            new Summary.Pruned(353, 7_800, 1_234_567),
            List.of(
                new Summary.Epoch(
                    0,
                    60_000,
                    List.of(new Summary.StepRows(null, 1, "explode", 20)),
                    List.of(
                        new Summary.StepRows("organic", 0, "anti_join", 1_200),
                        new Summary.StepRows(null, 3, "downsample", 50_000)),
                    8_800,
                    0,
                    new Summary.Positives("click", 1_320),
                    Map.of("city", 1_234L),
                    List.of(
                        new Summary.MixedRows("organic", 1, 50_000, 1_500, 8_000),
                        new Summary.MixedRows("promoted", 2, 10_000, 0, 800)),
                    new Summary.Estimated(
                        new Summary.Compared(8_700, 8_600L, 8_800L, 8_800, true),
                        new Summary.Compared(1_300, 1_200L, 1_400L, 1_320, true),
                        new Summary.Compared(85, 84L, 86L, 86, true))),
                new Summary.Epoch(
                    1,
                    100,
                    List.of(),
                    List.of(),
                    100,
                    1,
                    null,
                    Map.of(),
                    List.of(),
                    new Summary.Estimated(
                        new Summary.Compared(80, 60L, 99L, 100, false), null, null)),
                new Summary.Epoch(
                    2,
                    100,
                    List.of(),
                    List.of(),
                    100,
                    1,
                    null,
                    Map.of(),
                    List.of(),
                    new Summary.Estimated(
                        new Summary.Compared(80, null, null, 100, null), null, null)))));
    datasets.put("valid", new Summary.Dataset(null, null, null, List.of()));
    Summary summary =
        new Summary(
            "ads",
            Instant.EPOCH,
            12.34,
            Summary.Exit.OK,
            0,
            734003200L,
            List.of(
                new Summary.Rank(0, 1_234L, 0.125, 0),
                new Summary.Rank(1, null, null, 7),
                new Summary.Rank(2, 1L, null, 0)),
            datasets);
    FeedProgress progress =
        new FeedProgress(
            Map.of(
                "train",
                new DatasetProgress(
                    0.52,
                    60_000,
                    new Pruned(353, 7_800, 1_234_567, List.of()),
                    List.of(),
                    List.of(new RankProgress(0, 1_234, 500_000_000L, 4_000_000_000L)),
                    List.of(
                        "a.parquet, row group 1: broken page",
                        "b.parquet, row group 0: broken page"),
                    null)));

    assertThat(new SummaryText(RECORD, summary, progress).text())
        .isEqualTo(
            """
            ads-3: ok after 12.3 s
            train: first batch after 0.5 s, 2,250 rows/s, row groups skipped 2, pruned 353 files\
             and 7,800 row groups with 1,234,567 rows
              skipped a.parquet, row group 1: broken page
              skipped b.parquet, row group 0: broken page
              epoch 0: rows read 60,000, added by step 1 (explode) 20, dropped by step 0 (anti_join) of organic 1,200,\
             dropped by step 3 (downsample) 50,000, delivered 8,800,\
             positives 1,320 of click (15.00 %), padded 0, unknown words of city 1,234
                organic: rows read 50,000 in 1 pass, 1,500 not read, delivered 8,000
                promoted: rows read 10,000 in 2 passes, 0 not read, delivered 800
                estimated 8,700 ± 100 rows, got 8,800: inside;\
             1,300 ± 100 positives, got 1,320: inside; 85 ± 1 steps, got 86: inside
              epoch 1: rows read 100, delivered 100, padded 1
                estimated 80 (60 to 99) rows, got 100: outside
              epoch 2: rows read 100, delivered 100, padded 1
                estimated about 80 rows, got 100: no interval
            valid: not read
            rank 0: 1,234 steps, trainer waited 12.5 %
            rank 1: no feed opened, exit code 7
            rank 2: 1 step
            peak memory 700 MiB
            run record /data/runs/ads-3\
            """);
  }

  @Test
  void whatIsUnknownIsLeftOut() {
    Summary summary =
        new Summary(
            "ads",
            Instant.EPOCH,
            0.1,
            new Summary.Exit(130, "cancelled", "Interrupted (Ctrl-C)"),
            2,
            null,
            List.of(new Summary.Rank(0, null, null, null)),
            Map.of());
    assertThat(new SummaryText(RECORD, summary, FeedProgress.none()).text())
        .isEqualTo(
            """
            ads-3: cancelled after 0.1 s
            rank 0: no feed opened, not started
            restarts 2
            run record /data/runs/ads-3\
            """);
  }
}
