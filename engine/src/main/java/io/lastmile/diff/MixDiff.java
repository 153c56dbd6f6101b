package io.lastmile.diff;

import io.lastmile.dataset.Mix;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.MixPlan;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How two mixes differ in what they mix; how the datasets of both differ is said by a {@link
 * DatasetDiff} each.
 *
 * @param a the first
 * @param b the second
 */
public record MixDiff(Side a, Side b) {
  /**
   * One of two mixes.
   *
   * @param name of the dataset
   * @param mix the datasets with their ratios
   * @param limit rows of an epoch at most; null: no limit
   */
  public record Side(String name, Mix mix, @Nullable Long limit) {
    static Side of(MixPlan plan) {
      return new Side(
          plan.name(), plan.mix(), plan.limit() == null ? null : Long.valueOf(plan.limit().rows()));
    }

    /** The ratio of a dataset; null: it is not mixed. */
    public @Nullable Double ratio(String dataset) {
      return mix.parts().stream()
          .filter(part -> part.dataset().equals(dataset))
          .map(Mix.Part::ratio)
          .findFirst()
          .orElse(null);
    }
  }

  /**
   * Compares two mixes.
   *
   * @throws LastmileException of kind USER for a dataset that is not there or no mix
   */
  public static MixDiff of(JobPlan jobA, String nameA, JobPlan jobB, String nameB) {
    return new MixDiff(Side.of(jobA.mix(nameA)), Side.of(jobB.mix(nameB)));
  }

  /** Whether they mix the same datasets, in the same order, in the same way. */
  public boolean same() {
    return a.mix().equals(b.mix()) && Objects.equals(a.limit(), b.limit());
  }

  /** The names of the datasets of either, those of the first first. */
  public List<String> datasets() {
    return Stream.concat(a.mix().datasets().stream(), b.mix().datasets().stream())
        .distinct()
        .toList();
  }
}
