package io.lastmile.sequence;

import io.lastmile.plan.SplitQuery;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Prints the nanoseconds that the hash of a row identity takes, of rows of many files in turn. */
final class DigestCost {
  private static final int FILES = 64;
  private static final int ROWS = 1 << 20;
  private static final int ROUNDS = 8;

  private DigestCost() {}

  public static void main(String[] args) {
    List<String> paths = new ArrayList<>();
    for (int file = 0; file < FILES; file++) {
      paths.add("dt=2026-01-%02d/surface=home/part-%05d.parquet".formatted(1 + file % 28, file));
    }
    SplittableRandom random = new SplittableRandom(1);
    long[] identities = new long[ROWS];
    for (int row = 0; row < ROWS; row++) {
      identities[row] = ((long) random.nextInt(FILES) << SplitQuery.NUMBER_BITS) + row;
    }
    IdentityDigest digest = new IdentityDigest(paths, false);
    long sum = 0;
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long started = System.nanoTime();
      for (long identity : identities) {
        sum += digest.of(identity, 0);
      }
      best = Math.min(best, System.nanoTime() - started);
    }
    System.out.printf("%.2f %016x%n", (double) best / ROWS, sum);
  }
}
