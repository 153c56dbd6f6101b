package io.lastmile.trace;

import io.lastmile.certify.PlanChange;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.TraceQuery;
import io.lastmile.query.Session;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds rows of the source in what a run gave to its ranks, and the other way round. Only the
 * splits that hold them are run again. Used by one thread.
 */
public final class Trace implements AutoCloseable {
  private final JobPlan job;
  private final FeedPlan plan;
  private final Session session;
  private final List<RecordedEpoch> epochs;
  private final List<TraceQuery> tables = new ArrayList<>();

  /**
   * Traces rows of a feed.
   *
   * @param job with its dataset, as it is planned now
   * @param epochs of it that are recorded, at least one
   * @param files that the run read for it, as {@link FeedPlan#files()} told them
   * @throws LastmileException of kind USER when the plan is another than that of the run
   */
  public Trace(JobPlan job, List<RecordedEpoch> epochs, List<?> files) {
    this.job = job;
    this.epochs = List.copyOf(epochs);
    RecordedEpoch first = epochs.getFirst();
    this.plan = job.feed(first.dataset());
    if (!plan.fingerprint().equals(first.fingerprint())) {
      throw LastmileException.of(
          FailureKind.USER,
          "Cannot trace rows of dataset \"%s\", which is not as it was: %s"
              .formatted(
                  plan.name(),
                  String.join(
                      "; ",
                      PlanChange.since(
                          "recorded", plan, first.fingerprint(), first.engine(), files))));
    }
    this.session = job.engine().connect();
    plan.tables().forEach(table -> tables.add(new TraceQuery(table, session)));
  }

  /**
   * The rows of a step of the only epoch.
   *
   * @param rank whose rows are listed; null: all
   * @param columns names and globs; none: the dataset's keys
   * @param limit of the rows that are listed
   * @throws LastmileException of kind USER when it was not taken, or there is no such rank or
   *     column
   */
  public StepTrace step(long step, @Nullable Integer rank, List<String> columns, long limit)
      throws InterruptedException {
    RecordedEpoch epoch = epochs.getFirst();
    List<String> named = columns.isEmpty() ? plan.dataset().keys() : columns;
    return new StepTracer(plan, epoch, rows(epoch), splits(epoch)).trace(step, rank, named, limit);
  }

  /**
   * What became of a row in each epoch.
   *
   * @param file its path, as row identities have it or from the experiment's folder or this one
   * @param number of the row in the file, from 0
   * @param columns names and globs of the source; none: the dataset's keys, as far as it has them
   * @throws LastmileException of kind USER when there is no such row or column
   */
  public RowTrace row(String file, long number, List<String> columns) throws InterruptedException {
    return new RowSearch(job, plan, session, tables)
        .row(file, number)
        .traced(epochs, this::tracer, columns);
  }

  /**
   * What became of rows in each epoch.
   *
   * @param condition over the columns of the source, TRUE for the rows
   * @param columns as for {@link #row}
   * @param limit of the rows that are listed
   * @throws LastmileException of kind USER for what is no such condition or column
   */
  public RowTrace where(String condition, List<String> columns, long limit)
      throws InterruptedException {
    return new RowSearch(job, plan, session, tables)
        .where(condition, limit)
        .traced(epochs, this::tracer, columns);
  }

  private RowTracer tracer(RecordedEpoch epoch) {
    return new RowTracer(plan, epoch, rows(epoch), splits(epoch));
  }

  private EpochRows rows(RecordedEpoch epoch) {
    return switch (plan) {
      case DatasetPlan table -> new TableRows(table, epoch);
      case MixPlan mix -> new MixRows(mix, epoch);
    };
  }

  private List<TracedSplits> splits(RecordedEpoch epoch) {
    List<TracedSplits> splits = new ArrayList<>();
    for (int i = 0; i < tables.size(); i++) {
      splits.add(new TracedSplits(epoch, i, tables.get(i), session));
    }
    return splits;
  }

  @Override
  public void close() {
    session.close();
  }
}
