package io.lastmile.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.feed.RankProgress;
import io.lastmile.plan.Pruned;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ProgressTextTest {
  private static final long SECOND = 1_000_000_000L;

  private static DatasetProgress dataset(
      long steps,
      long waitSeconds,
      long elapsedSeconds,
      @Nullable Integer waiting,
      EpochProgress... epochs) {
    RankProgress rank = new RankProgress(0, steps, waitSeconds * SECOND, elapsedSeconds * SECOND);
    return new DatasetProgress(
        0.5,
        1_000_000,
        new Pruned(0, 0, 0, List.of()),
        List.of(epochs),
        List.of(rank),
        List.of(),
        waiting);
  }

  private static EpochProgress epoch(int epoch, long read, long delivered) {
    return new EpochProgress(
        epoch,
        read,
        List.of(),
        List.of(),
        delivered,
        0,
        null,
        Map.of(),
        List.of(),
        false,
        0L,
        40,
        new EpochProgress.History(0, 0, 7, null, List.of()));
  }

  private static FeedProgress feeds(DatasetProgress train) {
    return new FeedProgress(Map.of("train", train));
  }

  @Test
  void beforeTheFirstBatch() {
    assertThat(ProgressText.starting().line()).isEqualTo("starting");
    assertThat(ProgressText.starting().next(FeedProgress.none(), 0).line())
        .isEqualTo("waiting for the first batch");
    assertThat(
            ProgressText.starting().next(feeds(dataset(0, 0, 0, null, epoch(0, 100, 0))), 0).line())
        .isEqualTo("waiting for the first batch");
  }

  @Test
  void ratesComeWithTheSecondSample() {
    ProgressText one =
        ProgressText.starting().next(feeds(dataset(1, 1, 2, null, epoch(0, 20_000, 2_000))), 0);
    assertThat(one.line()).isEqualTo("train: epoch 0, step 1, trainer waited 50.0 %");

    ProgressText two =
        one.next(feeds(dataset(1_234, 1, 4, 1, epoch(0, 100_000, 10_000))), 2 * SECOND);
    assertThat(two.line())
        .isEqualTo(
            "train: epoch 0, step 1,234, 4,000 rows/s, 23 s left in the epoch,"
                + " trainer waited 25.0 %, waiting for rank 1");
  }

  @Test
  void theWindowIsTenSeconds() {
    ProgressText text = ProgressText.starting();
    for (int second = 0; second <= 20; second++) {
      long rows = second < 10 ? 0 : (second - 10) * 100L;
      text =
          text.next(feeds(dataset(second, 0, 0, null, epoch(0, rows, rows + 1))), second * SECOND);
    }
    assertThat(text.samples()).hasSize(11);
    assertThat(text.line()).startsWith("train: epoch 0, step 20, 100 rows/s, 2 h 46 min left");
  }

  @Test
  void ranksThatGoBackHaveNoRateFromBefore() {
    ProgressText before =
        ProgressText.starting().next(feeds(dataset(9, 0, 0, null, epoch(0, 90, 90))), 0);
    ProgressText back = before.next(feeds(dataset(0, 0, 0, null, epoch(0, 50, 0))), SECOND);
    assertThat(back.line()).isEqualTo("train: epoch 0, step 0");
    assertThat(back.next(feeds(dataset(1, 0, 0, null, epoch(0, 50, 10))), 2 * SECOND).line())
        .startsWith("train: epoch 0, step 1, 10 rows/s");
  }

  @Test
  void anEpochReadAheadIsNotShownYet() {
    assertThat(
            ProgressText.starting()
                .next(feeds(dataset(9, 0, 0, null, epoch(0, 5, 5), epoch(1, 5, 0))), 0)
                .line())
        .isEqualTo("train: epoch 0, step 9");
  }

  @Test
  void theBusiestDatasetIsShown() {
    Map<String, DatasetProgress> datasets = new LinkedHashMap<>();
    datasets.put("train", dataset(5, 0, 0, null, epoch(0, 500, 500)));
    datasets.put("valid", dataset(1, 0, 0, null, epoch(0, 100, 100)));
    ProgressText text = ProgressText.starting().next(new FeedProgress(datasets), 0);
    assertThat(text.shown()).isEqualTo("train");

    datasets.put("valid", dataset(2, 0, 0, null, epoch(0, 200, 200)));
    text = text.next(new FeedProgress(datasets), SECOND);
    assertThat(text.shown()).isEqualTo("valid");
    text = text.next(new FeedProgress(datasets), 30 * SECOND);
    assertThat(text.next(new FeedProgress(datasets), 31 * SECOND).shown()).isEqualTo("valid");
  }

  @Test
  void timesAreShort() {
    assertThat(Quantity.duration(59)).isEqualTo("59 s");
    assertThat(Quantity.duration(185)).isEqualTo("3 min 05 s");
    assertThat(Quantity.duration(7_800)).isEqualTo("2 h 10 min");
  }
}
