package io.lastmile.dataset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a share of the rows, by a hash of their keys.
 *
 * @param where only rows for which this is TRUE are sampled; null: all rows
 * @param keep the share kept
 * @param by key columns, rows with equal keys stay or go together; empty: the row identity
 * @param weight float32 column multiplied by 1/keep on the sampled rows that stay, made with 1
 *     where it does not exist; null: none
 * @param salt of the hash; given as null it is the kind of the step, so it is never null here
 * @param resample whether each epoch draws anew
 */
public record Downsample(
    @Nullable String where,
    Keep keep,
    List<String> by,
    @Nullable String weight,
    @Nullable String salt,
    Step.Resample resample)
    implements Step {
  public Downsample {
    by = List.copyOf(by);
    if (where != null) {
      Checks.expression("where", where);
    }
    if (weight != null) {
      Checks.filled("weight", weight);
    }
    Checks.names("by", by);
    salt = salt == null ? "downsample" : salt;
  }

  /** A share of all rows, drawn once by row identity, without weights. */
  public static Downsample keeping(double share) {
    return new Downsample(null, new Keep.Share(share), List.of(), null, null, Step.Resample.ONCE);
  }

  /** This step with another share, in (0, 1]. */
  public Downsample keep(double share) {
    return keep(new Keep.Share(share));
  }

  /** This step with a share of each row's own: an SQL expression. */
  public Downsample keep(String expression) {
    return keep(new Keep.PerRow(expression));
  }

  private Downsample keep(Keep share) {
    return new Downsample(where, share, by, weight, salt, resample);
  }

  /** This step on the rows for which the condition is TRUE. */
  public Downsample where(String condition) {
    return new Downsample(condition, keep, by, weight, salt, resample);
  }

  /** This step by these key columns and no others. */
  public Downsample by(String... columns) {
    return new Downsample(where, keep, List.of(columns), weight, salt, resample);
  }

  /** This step with a column for the weights. */
  public Downsample weight(String column) {
    return new Downsample(where, keep, by, column, salt, resample);
  }

  /** This step with a hash of its own. */
  public Downsample salt(String text) {
    return new Downsample(where, keep, by, weight, text, resample);
  }

  /** This step drawn once, or anew in each epoch. */
  public Downsample resample(Step.Resample when) {
    return new Downsample(where, keep, by, weight, salt, when);
  }

  @Override
  public String kind() {
    return "downsample";
  }
}
