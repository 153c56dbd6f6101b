package io.lastmile.dataset;

/** The share of rows that a downsample keeps. */
public sealed interface Keep {
  /** The same for every row, in (0, 1]. */
  record Share(double share) implements Keep {
    public Share {
      Checks.share("keep", share);
    }

    @Override
    public String toString() {
      return Double.toString(share);
    }
  }

  /**
   * One of each row: an SQL expression that gives a number &gt;= 0; 1 and more keep the row with
   * weight 1. Null, NaN and numbers below 0 end the run.
   */
  record PerRow(String expression) implements Keep {
    public PerRow {
      Checks.expression("keep", expression);
    }

    @Override
    public String toString() {
      return expression;
    }
  }
}
