package io.lastmile.feed;

import java.util.List;

/** How far the feeds of a job are. */
public interface FeedMonitor {
  /**
   * The state at this moment. Any thread may ask, at any time, also after the feeds have been
   * closed: then it is the final state.
   */
  FeedProgress progress();

  /** Where the rows of each dataset went: live, of all datasets whose feed was opened. */
  default List<Lineage> lineages() {
    return List.of();
  }
}
