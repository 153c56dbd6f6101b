package io.lastmile.preview;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SampleQuery;
import io.lastmile.plan.StepEffect;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a dataset does to a sample of its rows.
 *
 * @param plan of the dataset
 * @param sample that was read
 * @param label column whose positive share was counted; null: none
 * @param steps what each does to the sample
 * @param left rows of the sample after the last step
 * @param columns of the tensors, then of the keys
 * @param rows the first after the last step, each with a value of each column: a text, a list of
 *     texts where the column has lists, or null. In the order of the sequence where the sample is
 *     {@link Sample#whole}, else in that of the files
 */
public record Preview(
    DatasetPlan plan,
    Sample sample,
    @Nullable String label,
    List<StepEffect> steps,
    long left,
    List<SampleColumn> columns,
    List<List<@Nullable Object>> rows) {
  public Preview {
    steps = List.copyOf(steps);
    columns = List.copyOf(columns);
    rows = Collections.unmodifiableList(rows);
  }

  /**
   * Runs the steps of a dataset over a sample.
   *
   * @param label column whose positive share is counted; null: the usual one, see {@link
   *     SampleQuery#of}
   * @param rows shown at most
   * @param sampleRows read at most, unless the first row group has more
   * @throws LastmileException of kind USER for a dataset or label that is not there, DATA when a
   *     row cannot be read or an expression fails on it, RESOURCES when the memory does not suffice
   */
  public static Preview of(
      JobPlan job, String dataset, @Nullable String label, int rows, long sampleRows) {
    DatasetPlan plan = job.dataset(dataset);
    Sample sample = Sample.of(plan.splits(), sampleRows);
    try (Session session = job.engine().connect()) {
      SampleQuery query = SampleQuery.of(plan, session, label);
      return new SampleRun(plan, session, query, sample).preview(rows);
    } catch (QueryException e) {
      FailureKind kind =
          e.kind() == QueryException.Kind.OUT_OF_MEMORY ? FailureKind.RESOURCES : FailureKind.DATA;
      throw LastmileException.of(
          kind, "The steps of dataset \"" + dataset + "\" failed on a row: " + e.summary(), e);
    }
  }

  /** The query of the first split of epoch 0; empty where the table has no row. */
  public static String sql(DatasetPlan plan) {
    List<Split> splits = plan.splits().of(0);
    return splits.isEmpty() ? "" : plan.query().sql(splits.getFirst());
  }
}
