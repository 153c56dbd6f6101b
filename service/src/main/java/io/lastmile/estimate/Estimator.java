package io.lastmile.estimate;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.Limit;
import io.lastmile.plan.SampleQuery;
import io.lastmile.plan.SplitQuery;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.source.RowGroup;
import io.lastmile.split.Permutation;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Estimates a dataset: draws row groups, runs the steps of a run over them, and says what they tell
 * of all. Used once, by one thread.
 */
final class Estimator {
  /** Beyond what the rows so far say that a limit needs. */
  private static final double SPARE = 1.25;

  private static final double NANOS = 1e9;

  private final JobPlan job;
  private final DatasetPlan plan;
  private final Session session;
  private final SampleQuery query;
  private final long sampleRows;

  /** By the row identity of the first row of a row group, like the positives. */
  private final Map<Long, Yield> yields = new HashMap<>();

  private final Map<Long, Long> positives = new HashMap<>();
  private final Set<String> skipped = new TreeSet<>();

  private Estimator(
      JobPlan job, DatasetPlan plan, Session session, SampleQuery query, long sampleRows) {
    this.job = job;
    this.plan = plan;
    this.session = session;
    this.query = query;
    this.sampleRows = sampleRows;
  }

  /** As {@link Estimates#of} estimates the plan of a table. */
  static Estimate of(JobPlan job, DatasetPlan plan, @Nullable String label, long sampleRows) {
    try (Session session = job.engine().connect()) {
      SampleQuery query = SampleQuery.ofEnd(plan, session, label);
      return new Estimator(job, plan, session, query, sampleRows).estimate();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw LastmileException.of(FailureKind.CANCELLED, "Interrupted", e);
    }
  }

  private Estimate estimate() throws InterruptedException {
    List<Split.Part> population = plan.splits().parts();
    Limit limit = plan.limit();
    if (limit != null) {
      population = reached(limit.rows());
    }
    List<Split.Part> drawn = drawn(population);
    read(drawn);
    boolean leading = population.size() < plan.splits().rowGroups();
    Interval kept = rows(population, drawn);
    boolean cut = limit != null && (leading || kept.high() == null || kept.high() > limit.rows());
    Interval rows = limit != null && cut ? cut(kept, limit.rows(), leading) : kept;
    int ranks = Estimates.ranks(job);
    return new Estimate(
        plan,
        List.of(),
        new Estimate.Sample(
            drawn.size(),
            population.size(),
            sourceRows(drawn),
            sourceRows(population),
            leading,
            List.copyOf(skipped)),
        query.label(),
        rows,
        query.label() == null ? null : positives(population, drawn, rows, cut),
        batchBytes(population, drawn, rows, cut),
        sourceBytes(population, drawn, cut),
        ranks,
        Estimate.steps(rows, ranks, plan.dataset()),
        drawn.isEmpty() ? null : speed(drawn));
  }

  /** The row groups of the first splits, as many as a limit needs as far as can be told. */
  private List<Split.Part> reached(long limit) throws InterruptedException {
    long needed = limit;
    while (true) {
      List<Split.Part> leading = leading(needed);
      List<Split.Part> drawn = drawn(leading);
      read(drawn);
      long read = sourceRows(leading);
      double ratio = sum(drawn, this::delivered) / Math.max(1, sourceRows(drawn));
      if (leading.size() == plan.splits().rowGroups() || ratio * read >= limit) {
        return leading;
      }
      needed = (long) Math.max(2.0 * read, ratio == 0 ? 0 : SPARE * limit / ratio);
    }
  }

  private List<Split.Part> leading(long rows) {
    List<Split.Part> leading = new ArrayList<>();
    long read = 0;
    for (Split split : plan.splits().of(0)) {
      if (read >= rows) {
        break;
      }
      leading.addAll(split.parts());
      read += split.rows();
    }
    return leading;
  }

  /** Row groups of the mean size for the rows wanted, each set of so many as likely as another. */
  private List<Split.Part> drawn(List<Split.Part> population) {
    long rows = sourceRows(population);
    if (rows <= sampleRows || population.size() <= 2) {
      return population;
    }
    int count = (int) Math.max(2, (double) sampleRows / rows * population.size());
    int[] order = Permutation.of(population.size(), job.experiment().seed(), "estimate");
    List<Split.Part> drawn = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      drawn.add(population.get(order[i]));
    }
    return drawn;
  }

  private void read(List<Split.Part> drawn) throws InterruptedException {
    List<Split.Part> fresh =
        drawn.stream().filter(part -> !yields.containsKey(SplitQuery.identity(part))).toList();
    if (fresh.isEmpty()) {
      return;
    }
    Trial.Outcome outcome = new Trial(job, plan, fresh).count();
    yields.putAll(outcome.yields());
    skipped.addAll(outcome.skipped());
    if (query.label() != null) {
      for (Split.Part part : fresh) {
        positives.put(SplitQuery.identity(part), counted(part));
      }
    }
  }

  private long counted(Split.Part part) throws InterruptedException {
    Split split = new Split(0, 0, List.of(part));
    try {
      List<List<@Nullable Object>> rows = new ArrayList<>();
      for (String sql : query.sql(split)) {
        rows.add(session.rows(sql).getFirst());
      }
      return Objects.requireNonNullElse(query.left(rows).positive(), 0L);
    } catch (QueryException e) {
      Split _ =
          new Diagnosis(plan, session, query.counting(), query::sql)
              .readable(split, e, this::skipped);
      return 0;
    }
  }

  private void skipped(String file, int rowGroup, String why) {
    skipped.add(Diagnosis.Skips.words(file, rowGroup, why));
  }

  private double delivered(Split.Part part) {
    return yieldOf(part).rows();
  }

  private double positive(Split.Part part) {
    return Objects.requireNonNull(positives.get(SplitQuery.identity(part)));
  }

  private Yield yieldOf(Split.Part part) {
    return Objects.requireNonNull(yields.get(SplitQuery.identity(part)));
  }

  private @Nullable Double mostRatio() {
    return plan.query().copies().isEmpty() ? Double.valueOf(1) : null;
  }

  private Interval rows(List<Split.Part> population, List<Split.Part> drawn) {
    boolean all =
        plan.query().drops().isEmpty() && plan.query().copies().isEmpty() && !Diagnosis.skips(plan);
    return all
        ? Interval.exactly(sourceRows(population))
        : bySourceRows(population, drawn).total(values(drawn, this::delivered), mostRatio());
  }

  /** What a limit leaves; that the row groups behind the leading ones are not needed is likely. */
  private static Interval cut(Interval kept, long limit, boolean leading) {
    Interval cut = kept.map(rows -> Math.min(rows, limit));
    return leading ? new Interval(cut.estimate(), cut.low(), limit) : cut;
  }

  private Interval positives(
      List<Split.Part> population, List<Split.Part> drawn, Interval rows, boolean cut) {
    if (!cut) {
      return bySourceRows(population, drawn).total(values(drawn, this::positive), mostRatio());
    }
    if (drawn.size() == population.size() && rows.exact() && skipped.isEmpty()) {
      return Interval.exactly(firstPositives(rows.estimate()));
    }
    double delivered = sum(drawn, this::delivered);
    return Interval.unbounded(
        delivered == 0 ? 0 : sum(drawn, this::positive) / delivered * rows.estimate());
  }

  /** The positives among the first rows of the sequence. */
  private long firstPositives(long rows) {
    List<List<@Nullable Object>> first = query.first(query.ends(), plan.splits().of(0), true, rows);
    return Objects.requireNonNullElse(query.counts(first).positive(), 0L);
  }

  private Interval batchBytes(
      List<Split.Part> population, List<Split.Part> drawn, Interval rows, boolean cut) {
    Long ofRow = Yields.rowBytes(plan.slotLayout());
    if (ofRow != null) {
      return rows.map(count -> count * ofRow);
    }
    ToDoubleFunction<Split.Part> bytes = part -> yieldOf(part).bytes();
    if (!cut) {
      return bySourceRows(population, drawn).total(values(drawn, bytes), null);
    }
    double delivered = sum(drawn, this::delivered);
    return Interval.unbounded(delivered == 0 ? 0 : sum(drawn, bytes) / delivered * rows.estimate());
  }

  /**
   * Bytes of the columns that are read; where a limit cuts, of the splits that it seems to need: a
   * split is read as a whole.
   */
  private Interval sourceBytes(List<Split.Part> population, List<Split.Part> drawn, boolean cut) {
    Interval whole =
        cluster(population, drawn, RowGroup::compressedBytes)
            .total(SourceBytes.of(plan, session, drawn), 1.0);
    Limit limit = plan.limit();
    double compressed = sum(population, part -> part.rowGroup().compressedBytes());
    if (!cut || limit == null || compressed == 0) {
      return whole;
    }
    double ratio = sum(drawn, this::delivered) / sourceRows(drawn);
    List<Split.Part> needed = leading((long) Math.ceil(limit.rows() / ratio));
    return Interval.unbounded(
        sum(needed, part -> part.rowGroup().compressedBytes()) / compressed * whole.estimate());
  }

  private Speed speed(List<Split.Part> drawn) throws InterruptedException {
    Trial trial = new Trial(job, plan, drawn);
    double seconds = trial.time() / NANOS;
    return new Speed(
        trial.workers(),
        Runtime.getRuntime().availableProcessors(),
        trial.rows() / seconds,
        sum(drawn, this::delivered) / seconds);
  }

  private static ClusterSample bySourceRows(List<Split.Part> population, List<Split.Part> drawn) {
    return cluster(population, drawn, RowGroup::rows);
  }

  private static ClusterSample cluster(
      List<Split.Part> population, List<Split.Part> drawn, ToDoubleFunction<RowGroup> size) {
    ToDoubleFunction<Split.Part> ofPart = part -> size.applyAsDouble(part.rowGroup());
    Set<Long> read = drawn.stream().map(SplitQuery::identity).collect(Collectors.toSet());
    double largest =
        population.stream()
            .filter(part -> !read.contains(SplitQuery.identity(part)))
            .mapToDouble(ofPart)
            .max()
            .orElse(0);
    return new ClusterSample(
        population.size(), sum(population, ofPart), largest, values(drawn, ofPart));
  }

  private static long sourceRows(List<Split.Part> parts) {
    return parts.stream().mapToLong(part -> part.rowGroup().rows()).sum();
  }

  private static double sum(List<Split.Part> parts, ToDoubleFunction<Split.Part> value) {
    return parts.stream().mapToDouble(value).sum();
  }

  private static double[] values(List<Split.Part> parts, ToDoubleFunction<Split.Part> value) {
    return parts.stream().mapToDouble(value).toArray();
  }
}
