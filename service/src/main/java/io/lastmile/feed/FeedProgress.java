package io.lastmile.feed;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How far the feeds of a job are.
 *
 * @param datasets by name, in the order of the experiment
 */
public record FeedProgress(Map<String, DatasetProgress> datasets) {
  public FeedProgress {
    datasets = Collections.unmodifiableMap(new LinkedHashMap<>(datasets));
  }

  /** No feed has been opened. */
  public static FeedProgress none() {
    return new FeedProgress(Map.of());
  }
}
