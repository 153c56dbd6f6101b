package io.lastmile.plan;

import java.util.List;

/**
 * What became of the rows of a split.
 *
 * @param read rows of the source
 * @param added rows, for each step that makes several of one
 * @param dropped rows, for each step of the query that can drop some
 * @param kept rows that the query gives
 */
public record Tally(long read, List<Long> added, List<Long> dropped, long kept) {
  public Tally {
    added = List.copyOf(added);
    dropped = List.copyOf(dropped);
  }
}
