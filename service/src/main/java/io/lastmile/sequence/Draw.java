package io.lastmile.sequence;

import io.lastmile.dataset.Mix;
import io.lastmile.query.XXH64;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Which dataset of a mix gives a row: u = XXH64 of "mix", a zero byte, the epoch and the row's
 * number in the epoch, both int64 little-endian, with the seed of the experiment, over 2^64. It is
 * the first of those that take part whose ratio and those before it sum to more than u times the
 * sum of all their ratios; else the last. Test vectors are in docs/guarantees.md.
 */
final class Draw {
  private static final byte[] LABEL = {'m', 'i', 'x', 0};

  private final long seed;
  private final double[] ratios;
  private final ByteBuffer bytes =
      ByteBuffer.allocate(LABEL.length + 2 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).put(LABEL);

  Draw(long seed, int epoch, List<Mix.Part> parts) {
    this.seed = seed;
    this.ratios = parts.stream().mapToDouble(Mix.Part::ratio).toArray();
    bytes.putLong(epoch).mark();
  }

  /**
   * The dataset of a row.
   *
   * @param row its number in the epoch
   * @param out which datasets do not take part; at least one does
   */
  int of(long row, boolean[] out) {
    double sum = 0;
    int last = 0;
    for (int i = 0; i < ratios.length; i++) {
      sum += out[i] ? 0 : ratios[i];
      last = out[i] ? last : i;
    }
    double drawn = unit(row) * sum;
    double until = 0;
    for (int i = 0; i < last; i++) {
      until += out[i] ? 0 : ratios[i];
      if (!out[i] && drawn < until) {
        return i;
      }
    }
    return last;
  }

  private double unit(long row) {
    bytes.reset().putLong(row);
    return XXH64.unit(XXH64.hash(bytes.array(), seed));
  }
}
