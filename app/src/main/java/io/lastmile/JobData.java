package io.lastmile;

import io.lastmile.feed.Feeder;
import io.lastmile.feed.RuntimeFolder;
import java.util.Map;

/** What a launch needs of an experiment's data, planned and checked. */
interface JobData extends AutoCloseable {
  /** The resolved files by dataset, as a tree of JSON. */
  Map<String, ?> files();

  /** Serves the feeds of all datasets at {@link RuntimeFolder#socket()}. Called once. */
  Feeder open(RuntimeFolder folder);

  @Override
  void close();
}
