package io.lastmile.estimate;

import io.lastmile.dataset.Mix;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * The rows of an epoch of a mix, from those of its datasets, before its own limit.
 *
 * <p>A dataset with ratio p and N rows is found dry after T rows of the mix, T + 1 the draw that
 * gives it for the N + 1st time: T has the mean (N + 1)/p - 1 and the variance (N + 1)(1 - p)/p², a
 * negative binomial distribution. The uncertainty of N adds to that as independent.
 *
 * @param mix the datasets with their ratios
 * @param rows of each of them in an epoch of its own
 * @param sources whether they read the same files, so that their errors may be alike
 */
record MixedRows(Mix mix, List<Interval> rows, Sources sources) {
  /** The normal deviate that is exceeded, on either side, with 1 - {@link Interval#LEVEL}. */
  private static final double NORMAL = 1.959964;

  MixedRows {
    rows = List.copyOf(rows);
  }

  /** Where the rows of several datasets come from. */
  enum Sources {
    /** What a sample misses of one dataset says nothing of the others. */
    APART,
    /** The same row groups are drawn of several, which may all have too many rows, or too few. */
    SHARED
  }

  /** The rows that are delivered. */
  Interval total() {
    Interval all = sum(rows);
    return switch (mix.onDry()) {
      case REST -> all;
      // The epoch ends when the first is found dry: never after more rows than there are.
      case STOP -> end(all, Math::min);
      // It ends when the last is found dry: each row has come at least once.
      case REPEAT -> end(all, Math::max);
    };
  }

  private Interval end(Interval all, DoubleBinaryOperator which) {
    double middle = all.estimate();
    double estimate = all(Dry::estimate).reduce(middle, which);
    Long least = all.low();
    Long most = all.high();
    return least == null || most == null
        ? Interval.unbounded(estimate)
        : Interval.of(
            estimate, all(Dry::low).reduce(least, which), all(Dry::high).reduce(most, which));
  }

  private DoubleStream all(ToDoubleFunction<Dry> number) {
    return IntStream.range(0, rows.size()).mapToObj(this::dry).mapToDouble(number);
  }

  /** Rows of the mix before a dataset is found dry, at least those of its own. */
  private record Dry(double estimate, double low, double high) {}

  private Dry dry(int index) {
    Interval own = rows.get(index);
    double ratio = ratio(index);
    double draws = (own.estimate() + 1) / ratio;
    double noise = NORMAL * Math.sqrt((own.estimate() + 1) * (1 - ratio)) / ratio;
    double least = own.estimate() - own.down();
    return new Dry(
        draws - 1,
        Math.max(least, draws - 1 - Math.hypot(own.down() / ratio, noise)),
        draws - 1 + Math.hypot(own.up() / ratio, noise));
  }

  private double ratio(int index) {
    double sum = mix.parts().stream().mapToDouble(Mix.Part::ratio).sum();
    return mix.parts().get(index).ratio() / sum;
  }

  /**
   * The rows of each dataset among the first so many of the mix, as its ratio has them; a dataset
   * with few rows may have given them all, or several times.
   */
  double[] taken(Interval total) {
    double[] taken = new double[rows.size()];
    if (mix.onDry() != Mix.OnDry.REST) {
      for (int i = 0; i < taken.length; i++) {
        taken[i] = ratio(i) * total.estimate();
      }
      return taken;
    }
    List<Integer> in = new ArrayList<>();
    for (int i = 0; i < taken.length; i++) {
      in.add(i);
    }
    double left = total.estimate();
    while (left > 0 && !in.isEmpty()) {
      double sum = in.stream().mapToDouble(this::ratio).sum();
      double until = left;
      for (int i : in) {
        until = Math.min(until, (rows.get(i).estimate() - taken[i]) * sum / ratio(i));
      }
      int before = in.size();
      for (int i : in) {
        taken[i] += until * ratio(i) / sum;
      }
      left -= until;
      in.removeIf(i -> rows.get(i).estimate() - taken[i] < 0.5);
      if (in.size() == before) {
        break;
      }
    }
    return taken;
  }

  /** The sum of a number of each dataset. */
  Interval sum(List<Interval> parts) {
    double estimate = parts.stream().mapToDouble(Interval::estimate).sum();
    if (parts.stream().anyMatch(part -> part.low() == null)) {
      return Interval.unbounded(estimate);
    }
    return Interval.of(
        estimate,
        estimate - together(parts, Interval::down),
        estimate + together(parts, Interval::up));
  }

  private double together(List<Interval> parts, ToDoubleFunction<Interval> half) {
    double sum = parts.stream().mapToDouble(half).sum();
    double squares =
        parts.stream().mapToDouble(part -> Math.pow(half.applyAsDouble(part), 2)).sum();
    return switch (sources) {
      case APART -> Math.sqrt(squares);
      case SHARED -> sum;
    };
  }
}
