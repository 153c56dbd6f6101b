package io.lastmile.split;

import io.lastmile.query.XXH64;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Seeded permutations: Fisher–Yates from the last index down, SplitMix64, draw = unsigned
 * remainder. Test vectors are in docs/guarantees.md.
 */
public final class Permutation {
  private Permutation() {}

  /**
   * A permutation of 0 … n-1.
   *
   * @param seed of the experiment
   * @param label what is permuted
   * @param place which one of these, such as the epoch and the split's ordinal
   */
  public static int[] of(int n, long seed, String label, long... place) {
    SplitMix64 random = new SplitMix64(state(seed, label, place));
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = (int) Long.remainderUnsigned(random.next(), i + 1L);
      int moved = order[i];
      order[i] = order[j];
      order[j] = moved;
    }
    return order;
  }

  private static long state(long seed, String label, long... place) {
    byte[] text = label.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(text.length + 1 + 8 * place.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(text).put((byte) 0);
    for (long number : place) {
      bytes.putLong(number);
    }
    return XXH64.hash(bytes.array(), seed);
  }
}
