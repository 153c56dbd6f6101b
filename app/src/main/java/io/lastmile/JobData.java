package io.lastmile;

import io.lastmile.estimate.StoredEstimate;
import io.lastmile.feed.EpochProgress;
import io.lastmile.feed.Feeder;
import io.lastmile.feed.RuntimeFolder;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What a launch needs of an experiment's data, planned and checked. */
interface JobData extends AutoCloseable {
  /** The resolved files by dataset, as a tree of JSON. */
  Map<String, ?> files();

  /**
   * The certificate of an epoch that all ranks have taken, as a tree of JSON.
   *
   * @param skipped row groups that were left out, in words
   */
  Map<String, ? extends @Nullable Object> certificate(
      String dataset, EpochProgress epoch, List<String> skipped);

  /**
   * What estimates of this very data have said, by dataset.
   *
   * @param log told of those that cannot be read
   */
  Map<String, StoredEstimate> estimates(Consumer<String> log);

  /** The fingerprints of the plans, by dataset. */
  Map<String, String> fingerprints();

  /**
   * Serves the feeds of all datasets at {@link RuntimeFolder#socket()}. Called once.
   *
   * @param history what an earlier driver of the job kept of {@link Feeder#history}; empty: there
   *     was none
   */
  Feeder open(RuntimeFolder folder, Map<?, ?> history);

  @Override
  void close();
}
