package io.lastmile.sequence;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import java.util.List;

/** Where the steps go. Called by one thread at a time: the worker whose turn it is. */
public interface StepSink {
  /** The empty rows of a free slot of a rank; waits until there is one. */
  PackedRows slot(int rank) throws InterruptedException;

  /** Empty rows of another layout, which take the place of rows that a batch outgrew. */
  PackedRows larger(int rank, PackedRows outgrown, Layout layout);

  /** The outgrown rows have been copied: nobody reads them any more. */
  void outgrown(int rank, PackedRows rows);

  /** Gives a complete, sealed step to the ranks, rank by rank. */
  void publish(List<PackedRows> ranks, Position after);
}
