package io.lastmile.worker;

import io.lastmile.dispatch.Dispatcher;
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
     * @param worker whose thread this is
     * @param session of the thread
     * @return whether there may be more, with another session
     */
    boolean run(Worker worker, Session session) throws InterruptedException;
  }

  /** The rows of the epoch. */
  Sequence sequence();

  /** Who runs which split. */
  Dispatcher dispatcher();

  /** The work of each thread. */
  List<Work> work();

  /** The name of a member's dataset. */
  String name(int member);

  /** Splits that are finished and not delivered leave; nothing is delivered any more. */
  WarmSplits leave();

  /** Frees all memory, but what threads hold that have not returned: they free it. */
  void close();
}
