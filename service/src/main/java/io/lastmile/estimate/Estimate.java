package io.lastmile.estimate;

import io.lastmile.dataset.Dataset;
import io.lastmile.plan.FeedPlan;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How much an epoch of a dataset gives, and how fast, as some of its row groups tell. Of epoch 0.
 *
 * @param plan of the dataset
 * @param mixed those of its datasets, as the mix has them; none unless it is a mix
 * @param sample that was read
 * @param label column whose positive values are counted; null: none
 * @param rows delivered, those of a last step that is dropped included
 * @param positives of them: rows whose label is TRUE or above 0; null: there is no label
 * @param batchBytes values, offsets, lengths and masks of the delivered tensors and keys
 * @param sourceBytes of the columns that are read, compressed, in the Parquet files
 * @param ranks that share a step
 * @param steps each rank makes
 * @param speed of the workers; null: there was nothing to run
 */
public record Estimate(
    FeedPlan plan,
    List<Estimate> mixed,
    Sample sample,
    @Nullable String label,
    Interval rows,
    @Nullable Interval positives,
    Interval batchBytes,
    Interval sourceBytes,
    int ranks,
    Interval steps,
    @Nullable Speed speed) {
  public Estimate {
    mixed = List.copyOf(mixed);
  }

  /**
   * The row groups that were read.
   *
   * @param rowGroups how many were drawn
   * @param of how many there are that may be read
   * @param rows that they have
   * @param ofRows how many those have
   * @param leading whether these are only the first of the epoch, since its limit leaves the others
   * @param skipped those that could not be read, each in words: file, number, why
   */
  public record Sample(
      int rowGroups, int of, long rows, long ofRows, boolean leading, List<String> skipped) {
    public Sample {
      skipped = List.copyOf(skipped);
    }
  }

  /**
   * Steps that so many rows make.
   *
   * @param ranks that share a step
   */
  static Interval steps(Interval rows, int ranks, Dataset dataset) {
    long stepRows = (long) ranks * dataset.batch();
    return rows.map(count -> dataset.lastStep().steps(count, stepRows));
  }
}
