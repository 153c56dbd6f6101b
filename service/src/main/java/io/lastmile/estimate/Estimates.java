package io.lastmile.estimate;

import io.lastmile.dataset.Training;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.MixPlan;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The estimates of an experiment's datasets; each table is looked at once. Used by one thread. */
public final class Estimates {
  private final JobPlan job;
  private final @Nullable String label;
  private final long sampleRows;
  private final IdentityHashMap<DatasetPlan, Estimate> tables = new IdentityHashMap<>();

  /**
   * Estimates that are made when they are asked for. The same experiment draws the same row groups.
   *
   * @param label column whose positive values are counted; null: the one that a preview takes
   * @param sampleRows about how many rows are read of each table, in whole row groups, two at least
   */
  public Estimates(JobPlan job, @Nullable String label, long sampleRows) {
    this.job = job;
    this.label = label;
    this.sampleRows = sampleRows;
  }

  /**
   * The estimate of a dataset; of a mix it is made from those of its datasets.
   *
   * @throws LastmileException of kind USER for a dataset or label that is not there; of another as
   *     a run would fail on the rows that are read
   */
  public Estimate of(String dataset) {
    FeedPlan feed = job.feeds().get(dataset);
    return feed instanceof MixPlan mix ? mix(mix) : table(job.dataset(dataset));
  }

  private Estimate mix(MixPlan plan) {
    List<Estimate> mixed = new ArrayList<>();
    plan.members().forEach(member -> mixed.add(table(member)));
    return new MixEstimate(plan, mixed, ranks(job)).estimate();
  }

  private Estimate table(DatasetPlan plan) {
    Estimate known = tables.get(plan);
    if (known == null) {
      known = Estimator.of(job, plan, label, sampleRows);
      tables.put(plan, known);
    }
    return known;
  }

  static int ranks(JobPlan job) {
    Training training = job.experiment().training();
    return training == null ? 1 : training.ranks();
  }
}
