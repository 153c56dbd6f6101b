package io.lastmile.worker;

import io.lastmile.query.Session;
import io.lastmile.sequence.Sequence;
import java.util.List;

/** What the threads of an epoch do. */
interface Epoch {
  /** What one thread does, until there is no more of it. */
  interface Work {
    /**
     * Does it.
     *
     * @param session of the thread
     */
    void run(Session session) throws InterruptedException;
  }

  /** The rows of the epoch. */
  Sequence sequence();

  /** The work of each thread. */
  List<Work> work();

  /** Frees all memory; every thread has ended. */
  void close();
}
