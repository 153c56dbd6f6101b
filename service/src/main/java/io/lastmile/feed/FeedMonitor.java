package io.lastmile.feed;

/** How far the feeds of a job are. */
public interface FeedMonitor {
  /**
   * The state at this moment. Any thread may ask, at any time, also after the feeds have been
   * closed: then it is the final state.
   */
  FeedProgress progress();
}
