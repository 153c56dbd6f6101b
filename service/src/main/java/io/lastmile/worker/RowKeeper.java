package io.lastmile.worker;

import io.lastmile.plan.ColumnPlan;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import org.jspecify.annotations.Nullable;

/**
 * Keeps more of a table's rows than the sequence takes. Of each split whoever runs it calls {@link
 * #sql} for each attempt and {@link #complete} unless the epoch is over before, whoever has the
 * turn calls {@link #take} for its rows, and {@link #release} comes last.
 */
public interface RowKeeper {
  /** The columns that are kept. */
  ColumnPlan columns();

  /**
   * Gives the SQL of the rows of a split, as the query of the table's plan gives them; statements
   * that it runs before count what they drop as that query would.
   */
  String sql(Session session, Split split);

  /**
   * All rows of a split have been read.
   *
   * @param order row i of the split is row {@code order[i]} of the query; null: as they are
   * @param rows how many there are
   */
  void complete(Split split, int @Nullable [] order, int rows);

  /**
   * The next rows of the sequence are so many of a split. By one thread at a time, in the order of
   * the sequence over all tables of the feed.
   *
   * @param first the number of the first among the rows of the split
   * @return whether so much waits that whoever takes rows must {@link #settle} first
   */
  boolean take(Split split, long first, long rows);

  /** No more rows of a split will be taken. Any thread. */
  void release(Split split);

  /** Does what is to be done with rows that were taken. Any thread. */
  void settle(Session session) throws InterruptedException;
}
