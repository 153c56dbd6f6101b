package io.lastmile.estimate;

import io.lastmile.dataset.Mix;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Limit;
import io.lastmile.plan.MixPlan;
import io.lastmile.source.TableFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Puts the estimate of a mix together from those of its datasets. */
final class MixEstimate {
  private final MixPlan plan;
  private final List<Estimate> mixed;
  private final int ranks;
  private final MixedRows mixing;

  /** Rows that an epoch takes of each. */
  private final double[] taken;

  private final Interval rows;

  /** Whether all rows of each are delivered, and no more. */
  private final boolean whole;

  /**
   * The parts of an estimate.
   *
   * @param plan of the mix
   * @param mixed the estimates of its members
   * @param ranks that share a step
   */
  MixEstimate(MixPlan plan, List<Estimate> mixed, int ranks) {
    this.plan = plan;
    this.mixed = mixed;
    this.ranks = ranks;
    this.mixing = new MixedRows(plan.mix(), parts(Estimate::rows), sources(plan));
    Interval ends = mixing.total();
    Limit limit = plan.limit();
    boolean cut = limit != null && (ends.high() == null || ends.high() > limit.rows());
    this.rows = limit == null || !cut ? ends : ends.map(count -> Math.min(count, limit.rows()));
    this.whole = plan.mix().onDry() == Mix.OnDry.REST && !cut;
    this.taken = mixing.taken(rows);
  }

  private static MixedRows.Sources sources(MixPlan plan) {
    List<Path> files =
        plan.members().stream()
            .map(DatasetPlan::table)
            .flatMap(table -> table.files().stream())
            .map(TableFile::path)
            .toList();
    return files.stream().distinct().count() < files.size()
        ? MixedRows.Sources.SHARED
        : MixedRows.Sources.APART;
  }

  Estimate estimate() {
    String label = label();
    return new Estimate(
        plan,
        mixed,
        sample(),
        label,
        rows,
        label == null ? null : positives(),
        batchBytes(),
        sum(Estimate::sourceBytes),
        ranks,
        Estimate.steps(rows, ranks, plan.dataset()),
        speed());
  }

  private List<Interval> parts(Function<Estimate, Interval> of) {
    return mixed.stream().map(of).toList();
  }

  /** The label that all have. */
  private @Nullable String label() {
    List<@Nullable String> labels =
        mixed.stream().<@Nullable String>map(Estimate::label).distinct().toList();
    return labels.size() == 1 ? labels.getFirst() : null;
  }

  private Estimate.Sample sample() {
    List<Estimate.Sample> samples = mixed.stream().map(Estimate::sample).toList();
    return new Estimate.Sample(
        samples.stream().mapToInt(Estimate.Sample::rowGroups).sum(),
        samples.stream().mapToInt(Estimate.Sample::of).sum(),
        samples.stream().mapToLong(Estimate.Sample::rows).sum(),
        samples.stream().mapToLong(Estimate.Sample::ofRows).sum(),
        samples.stream().anyMatch(Estimate.Sample::leading),
        samples.stream().flatMap(sample -> sample.skipped().stream()).distinct().toList());
  }

  private Interval positives() {
    return sum(each -> {
      Interval positives = each.positives();
      return positives == null ? Interval.exactly(0) : positives;
    });
  }

  private Interval batchBytes() {
    Long ofRow = Yields.rowBytes(plan.slotLayout());
    return ofRow == null ? sum(Estimate::batchBytes) : rows.map(count -> count * ofRow);
  }

  /** A number of each, as often as its rows are delivered; a dataset without rows is read once. */
  private Interval sum(Function<Estimate, Interval> of) {
    if (whole) {
      return mixing.sum(parts(of));
    }
    double sum = 0;
    for (int i = 0; i < taken.length; i++) {
      long all = mixed.get(i).rows().estimate();
      sum += of.apply(mixed.get(i)).estimate() * (all == 0 ? 1 : taken[i] / all);
    }
    return Interval.unbounded(sum);
  }

  /** Of workers that share their time among the datasets as the rows are taken. */
  private @Nullable Speed speed() {
    double delivered = Arrays.stream(taken).sum();
    int workers = 0;
    int cores = 0;
    double seconds = 0;
    double read = 0;
    for (int i = 0; i < taken.length; i++) {
      Speed speed = mixed.get(i).speed();
      if (speed == null) {
        continue;
      }
      workers = Math.max(workers, speed.workers());
      cores = speed.cores();
      if (speed.rowsPerSecond() > 0 && delivered > 0) {
        double share = taken[i] / delivered;
        seconds += share / speed.rowsPerSecondOfOne();
        read += share * speed.sourceRowsPerSecond() / speed.rowsPerSecond();
      }
    }
    double rows = seconds == 0 ? 0 : workers / seconds;
    return workers == 0 ? null : new Speed(workers, cores, rows * read, rows);
  }
}
