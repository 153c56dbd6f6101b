package io.lastmile;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.dataset.Dataset;
import io.lastmile.estimate.Interval;
import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.FeedProgress;
import io.lastmile.plan.Pruned;
import io.lastmile.run.Summary;
import io.lastmile.sequence.Positives;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What was estimated is held against whole epochs, and against nothing else. */
class SummariesTest {
  private static EpochProgress epoch(
      int epoch, long delivered, boolean ended, @Nullable Long steps) {
    return epoch(
        epoch,
        List.of(new EpochProgress.StepRows(null, 0, "filter", 600)),
        delivered,
        ended,
        steps);
  }

  private static EpochProgress epoch(
      int epoch,
      List<EpochProgress.StepRows> dropped,
      long delivered,
      boolean ended,
      @Nullable Long steps) {
    return new EpochProgress(
        epoch,
        1000,
        List.of(),
        dropped,
        delivered,
        0,
        new Positives("label", 40),
        Map.of(),
        List.of(),
        ended,
        steps,
        40,
        new EpochProgress.History(0, 0, 7, null, List.of()));
  }

  private static Summary.@Nullable Estimated estimated(EpochProgress epoch, boolean everyEpoch) {
    return estimated(epoch, "label", everyEpoch);
  }

  private static Summary.@Nullable Estimated estimated(
      EpochProgress epoch, @Nullable String label, boolean everyEpoch) {
    Interval positives = label == null ? null : new Interval(39, 38L, 41L);
    Interval rows = new Interval(390, 380L, 399L);
    DatasetProgress progress =
        new DatasetProgress(
            0.1, 1000, new Pruned(0, 0, 0, List.of()), List.of(epoch), List.of(), List.of(), null);
    Map<String, Summary.Dataset> datasets =
        Summaries.datasets(
            List.of("train"),
            new FeedProgress(Map.of("train", progress)),
            Map.of(
                "train",
                new StoredEstimate(
                    rows, label, positives, everyEpoch, everyEpoch, Dataset.LastStep.UNEVEN)));
    return datasets.values().iterator().next().epochs().getFirst().estimated();
  }

  @Test
  void aWholeEpochIsCompared() {
    assertThat(estimated(epoch(0, 400, true, 10L), false))
        .isEqualTo(
            new Summary.Estimated(
                new Summary.Compared(390, 380L, 399L, 400, false),
                new Summary.Compared(39, 38L, 41L, 40, true),
                new Summary.Compared(10, 10L, 10L, 10, true)));
    assertThat(estimated(epoch(0, 400, true, null), true))
        .isEqualTo(
            new Summary.Estimated(
                new Summary.Compared(390, 380L, 399L, 400, false),
                new Summary.Compared(39, 38L, 41L, 40, true),
                null));
  }

  @Test
  void positivesOfAnotherLabelAreNotCompared() {
    Summary.Estimated rows =
        new Summary.Estimated(
            new Summary.Compared(390, 380L, 399L, 400, false),
            null,
            new Summary.Compared(10, 10L, 10L, 10, true));
    assertThat(estimated(epoch(0, 400, true, 10L), "click", true)).isEqualTo(rows);
    assertThat(estimated(epoch(0, 400, true, 10L), null, true)).isEqualTo(rows);
  }

  @Test
  void aPartIsNotCompared() {
    assertThat(estimated(epoch(0, 400, false, 10L), true)).isNull();
    assertThat(estimated(epoch(0, 399, true, 10L), true)).isNull();
  }

  @Test
  void rowsOfADroppedLastStepAreAmongThoseThatWereEstimated() {
    List<EpochProgress.StepRows> dropped =
        List.of(
            new EpochProgress.StepRows(null, 0, "filter", 603),
            new EpochProgress.StepRows(null, 1, "last_step", 37));
    assertThat(estimated(epoch(0, dropped, 360, true, 9L), true))
        .isEqualTo(
            new Summary.Estimated(
                new Summary.Compared(390, 380L, 399L, 397, true),
                null,
                new Summary.Compared(10, 10L, 10L, 9, false)));
  }

  @Test
  void anEpochThatDrawsOtherRowsIsNotCompared() {
    assertThat(estimated(epoch(1, 400, true, 10L), false)).isNull();
    assertThat(estimated(epoch(1, 400, true, 10L), true)).isNotNull();
  }
}
