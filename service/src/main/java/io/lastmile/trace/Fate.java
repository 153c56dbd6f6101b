package io.lastmile.trace;

import java.util.List;

/** What became of a row, or a copy of it, in an epoch. */
public sealed interface Fate {
  /**
   * Ranks got it.
   *
   * @param row its number in the epoch
   * @param uses once, or several times where ranks went back
   */
  record Used(long row, List<Use> uses) implements Fate {
    public Used {
      uses = List.copyOf(uses);
    }
  }

  /**
   * A step dropped it.
   *
   * @param step its number among the dataset's steps, from 0; those behind the last are none of the
   *     user's
   * @param kind its key
   * @param why in words
   */
  record Dropped(int step, String kind, String why) implements Fate {}

  /**
   * No step saw it.
   *
   * @param why in words
   */
  record NotRead(String why) implements Fate {}

  /**
   * This run did not get to it, or began behind it.
   *
   * @param why in words
   */
  record NotGiven(String why) implements Fate {}

  /**
   * The fate of one copy.
   *
   * @param epoch from 0
   * @param pass over the table in that epoch, from 0
   * @param copies numbers of the copy, one for each step that copied the row; empty: none did
   * @param fate of the copy
   */
  record OfCopy(int epoch, int pass, List<Long> copies, Fate fate) {
    public OfCopy {
      copies = List.copyOf(copies);
    }
  }
}
