package io.lastmile.preview;

import io.lastmile.diagnosis.Diagnosis;
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
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a dataset does to a sample of its rows.
 *
 * @param plan of the dataset
 * @param sample that was read
 * @param skipped row groups left out of it because they cannot be read, each in words: file,
 *     number, why
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
    List<String> skipped,
    @Nullable String label,
    List<StepEffect> steps,
    long left,
    List<SampleColumn> columns,
    List<List<@Nullable Object>> rows) {
  public Preview {
    skipped = List.copyOf(skipped);
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
   *     row group cannot be read and the source does not say that it is left out, or an expression
   *     fails on a row, RESOURCES when the memory does not suffice
   */
  public static Preview of(
      JobPlan job, String dataset, @Nullable String label, int rows, long sampleRows) {
    DatasetPlan plan = job.dataset(dataset);
    try (Session session = job.engine().connect()) {
      SampleQuery query = SampleQuery.of(plan, session, label);
      return preview(plan, session, query, Sample.of(plan.splits(), sampleRows), rows);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw LastmileException.of(FailureKind.CANCELLED, "Interrupted", e);
    }
  }

  private static Preview preview(
      DatasetPlan plan, Session session, SampleQuery query, Sample sample, int rows)
      throws InterruptedException {
    Diagnosis diagnosis =
        new Diagnosis(plan, session, query.reading(), part -> query.everySql(part));
    List<String> skipped = new ArrayList<>();
    Sample rest = Diagnosis.skips(plan) ? asRead(plan, session, sample, skipped) : sample;
    while (true) {
      try {
        return new SampleRun(plan, session, query, rest).preview(rows, skipped);
      } catch (QueryException e) {
        rest = readable(rest, diagnosis, e, skipped);
      }
    }
  }

  /** The sample without what a run would leave out: it reads more columns than the counts do. */
  private static Sample asRead(
      DatasetPlan plan, Session session, Sample sample, List<String> skipped)
      throws InterruptedException {
    Diagnosis diagnosis = new Diagnosis(plan, null, session);
    List<Split> left = new ArrayList<>();
    for (Split split : sample.splits()) {
      Split rest = split;
      while (!rest.parts().isEmpty()) {
        QueryException failure = Diagnosis.failure(session, plan.query().sql(rest));
        if (failure == null) {
          break;
        }
        rest = diagnosis.readable(rest, failure, into(skipped));
      }
      left.add(rest);
    }
    return sample.of(left);
  }

  private static Diagnosis.Skips into(List<String> skipped) {
    return (file, rowGroup, why) -> skipped.add(Diagnosis.Skips.words(file, rowGroup, why));
  }

  private static Sample readable(
      Sample sample, Diagnosis diagnosis, QueryException failure, List<String> skipped)
      throws InterruptedException {
    List<Split> left = new ArrayList<>();
    for (Split split : sample.splits()) {
      left.add(diagnosis.withoutCorrupt(split, failure, into(skipped)));
    }
    Sample rest = sample.of(left);
    if (rest.rowGroups() == sample.rowGroups()) {
      throw diagnosis.failed(sample.inOrder(), failure);
    }
    return rest;
  }

  /** The query of the first split of epoch 0; empty where the table has no row. */
  public static String sql(DatasetPlan plan) {
    List<Split> splits = plan.splits().of(0);
    return splits.isEmpty() ? "" : plan.query().sql(splits.getFirst());
  }
}
