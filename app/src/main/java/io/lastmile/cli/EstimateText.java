package io.lastmile.cli;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Mix;
import io.lastmile.estimate.Estimate;
import io.lastmile.estimate.Interval;
import io.lastmile.estimate.Speed;
import io.lastmile.plan.Limit;
import io.lastmile.plan.MixPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An estimate as the user reads it.
 *
 * @param estimate of a dataset
 * @param trainer rows that the ranks take a second; null: not said
 */
record EstimateText(Estimate estimate, @Nullable Double trainer) {
  /** Fewer row groups make intervals wide. */
  private static final int FEW = 10;

  private static final long KIBIBYTE = 1024;
  private static final long MEBIBYTE = 1L << 20;

  String text() {
    List<String> lines = new ArrayList<>();
    lines.add("dataset %s: %s%s".formatted(estimate.plan().name(), mix(), sample()));
    estimate.sample().skipped().forEach(place -> lines.add("  skipped " + place));
    lines.add(line("rows", text(estimate.rows(), Quantity::count) + end()));
    Interval positives = estimate.positives();
    if (positives != null) {
      lines.add(line("positives", text(positives, Quantity::count) + rate(positives)));
    }
    lines.add(
        line("steps", text(estimate.steps(), Quantity::count) + " of " + step() + " an epoch"));
    lines.add(line("batches", text(estimate.batchBytes(), EstimateText::bytes)));
    lines.add(
        line(
            "read", text(estimate.sourceBytes(), EstimateText::bytes) + " of Parquet, compressed"));
    Speed speed = estimate.speed();
    if (speed != null) {
      lines.add(line("speed", text(speed)));
      lines.add(line("workers", workers(speed)));
    }
    hints(lines);
    return String.join("\n", lines);
  }

  private static String line(String what, String value) {
    return "  %-10s %s".formatted(what, value);
  }

  private String mix() {
    if (!(estimate.plan() instanceof MixPlan plan)) {
      return "";
    }
    String parts =
        plan.mix().parts().stream()
            .map(part -> part.dataset() + " " + part.ratio())
            .collect(Collectors.joining(", "));
    return "a mix of %s (on_dry: %s); ".formatted(parts, plan.mix().onDry().word());
  }

  private String sample() {
    Estimate.Sample sample = estimate.sample();
    return "%s of %s%s, %s of %s; intervals of %s"
        .formatted(
            Quantity.count(sample.rowGroups()),
            Quantity.counted(sample.of(), "row group"),
            sample.leading() ? " that the limit needs" : "",
            Quantity.count(sample.rows()),
            Quantity.counted(sample.ofRows(), "row"),
            String.format(Locale.ROOT, "%.0f %%", Interval.LEVEL * 100));
  }

  /** A number with its bounds: {@code 1,234,000 ± 12,000}, or both where they are not alike. */
  static String text(Interval interval, LongFunction<String> unit) {
    String number = unit.apply(interval.estimate());
    Long low = interval.low();
    Long high = interval.high();
    if (low == null || high == null) {
      return "about " + number;
    }
    if (interval.exact()) {
      return number;
    }
    long down = interval.estimate() - low;
    long up = high - interval.estimate();
    return up == down
        ? number + " ± " + unit.apply(up)
        : "%s (%s to %s)".formatted(number, unit.apply(low), unit.apply(high));
  }

  private static String bytes(long bytes) {
    if (bytes < KIBIBYTE) {
      return bytes + " B";
    }
    return bytes < MEBIBYTE
        ? Quantity.count(Math.round((double) bytes / KIBIBYTE)) + " KiB"
        : Quantity.bytes(bytes);
  }

  private String end() {
    Limit limit = estimate.plan().limit();
    String empty = emptyRepeated();
    if (empty != null) {
      return " (a run would end: no row of %s is left, on_dry: repeat)".formatted(empty);
    }
    if (isNone(estimate)) {
      return estimate.plan().dataset().onEmpty() == Dataset.OnEmpty.ERROR
          ? " (a run would end: on_empty: error)"
          : " (no row is left: no steps)";
    }
    return limit != null && estimate.rows().estimate() == limit.rows() ? " (the limit)" : "";
  }

  private static boolean isNone(Estimate estimate) {
    return Long.valueOf(0).equals(estimate.rows().high());
  }

  /** The name of a dataset that cannot start over; null: all can. */
  private @Nullable String emptyRepeated() {
    boolean repeats =
        estimate.plan() instanceof MixPlan plan && plan.mix().onDry() == Mix.OnDry.REPEAT;
    return estimate.mixed().stream()
        .filter(each -> repeats && isNone(each))
        .map(each -> each.plan().name())
        .findFirst()
        .orElse(null);
  }

  private String rate(Interval positives) {
    long rows = estimate.rows().estimate();
    String label = " of " + estimate.label();
    return rows == 0
        ? label
        : "%s, %s of the rows"
            .formatted(
                label, String.format(Locale.ROOT, "%.2f %%", 100.0 * positives.estimate() / rows));
  }

  private String step() {
    return "%s for each of %s"
        .formatted(
            Quantity.counted(estimate.plan().dataset().batch(), "row"),
            Quantity.counted(estimate.ranks(), "rank"));
  }

  private static String text(Speed speed) {
    return "%s rows/s read, %s delivered, by %s on %s, files in the page cache"
        .formatted(
            Quantity.count(Math.round(speed.sourceRowsPerSecond())),
            Quantity.count(Math.round(speed.rowsPerSecond())),
            Quantity.counted(speed.workers(), "worker"),
            Quantity.counted(speed.cores(), "core"));
  }

  private String workers(Speed speed) {
    if (speed.rowsPerSecond() == 0) {
      return "none feeds a trainer: no row of the sample is left";
    }
    String one = "one feeds %s rows/s".formatted(Quantity.count((long) speed.rowsPerSecondOfOne()));
    return trainer == null
        ? one
        : "%s: a trainer of %s rows/s needs %s"
            .formatted(
                one,
                Quantity.count(Math.round(trainer)),
                Quantity.count(speed.workersFor(trainer)));
  }

  private static boolean isFew(Estimate estimate) {
    Estimate.Sample sample = estimate.sample();
    return sample.rowGroups() < sample.of() && sample.rowGroups() < FEW;
  }

  private void hints(List<String> lines) {
    boolean few =
        estimate.mixed().isEmpty()
            ? isFew(estimate)
            : estimate.mixed().stream().anyMatch(EstimateText::isFew);
    if (few) {
      lines.add(
          "  Few row groups were drawn, so intervals are wide: a larger --sample makes them narrower");
    }
    if (estimate.rows().high() == null) {
      lines.add(
          "  The row groups that were drawn are alike, which says nothing about the others: no interval");
    }
  }
}
