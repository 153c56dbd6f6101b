package io.lastmile.sequence;

import io.lastmile.split.Split;

/** Hears of each row of a mix, in the order of the sequence. */
public interface MixListener {
  /**
   * A row has been taken.
   *
   * @param member index of its dataset in the mix
   * @param split it is of
   * @param row its number among the rows of the split that stay
   */
  void took(int member, Split split, int row) throws InterruptedException;
}
