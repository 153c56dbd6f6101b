package io.lastmile.worker;

import io.lastmile.plan.ColumnPlan;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import org.jspecify.annotations.Nullable;

/**
 * Keeps more of a split's rows than the sequence takes. The worker that runs a split calls, on its
 * thread, {@link #sql} once for each attempt, {@link #append} in the split's turn unless the limit
 * was reached before, and {@link #settle} at last, when the next split may have its turn already.
 */
public interface RowKeeper {
  /** The columns that are kept. */
  ColumnPlan columns();

  /**
   * Gives the SQL of the rows of a split, as the query of the dataset's plan gives them; statements
   * that it runs before count what they drop as that query would.
   */
  String sql(Session session, Split split);

  /**
   * The rows of a split are in the sequence.
   *
   * @param order row i of the sequence is row {@code order[i]} of the query; null: as they are
   * @param rows of them that are in the sequence: those before the limit
   */
  void append(Split split, int @Nullable [] order, long rows);

  /** Nothing more will be asked for a split. */
  void settle(Session session, Split split) throws InterruptedException;
}
