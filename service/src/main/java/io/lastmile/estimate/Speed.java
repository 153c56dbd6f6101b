package io.lastmile.estimate;

/**
 * How fast the workers are on this machine, together.
 *
 * @param workers threads that were busy
 * @param cores of the machine
 * @param sourceRowsPerSecond rows that they read
 * @param rowsPerSecond rows that they gave
 */
public record Speed(int workers, int cores, double sourceRowsPerSecond, double rowsPerSecond) {
  /** Rows that each of them gave a second. */
  public double rowsPerSecondOfOne() {
    return rowsPerSecond / workers;
  }

  /**
   * How many such workers give so many rows a second; 0: none does, since no row is left.
   *
   * @param trainerRowsPerSecond that all ranks together take
   */
  public long workersFor(double trainerRowsPerSecond) {
    return rowsPerSecond == 0 ? 0 : (long) Math.ceil(trainerRowsPerSecond / rowsPerSecondOfOne());
  }
}
