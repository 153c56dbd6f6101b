package io.lastmile.plan;

import io.lastmile.batch.Layout;
import io.lastmile.dataset.Dataset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How the feed of a dataset is run: from a table, or from several. Immutable; any thread. */
public sealed interface FeedPlan permits DatasetPlan, MixPlan {
  /** Name of the dataset. */
  String name();

  /** What the user said. */
  Dataset dataset();

  /** Name of everything that decides its row sequence, hexadecimal. */
  String fingerprint();

  /** The tables that its rows come from. */
  List<DatasetPlan> tables();

  /** Memory of it. */
  Budget budget();

  /** The step that ends each epoch; null: none. */
  @Nullable Limit limit();

  /** The steps that make several rows of one, in order. */
  List<CountedStep> copySteps();

  /** The steps that can drop rows, in order. */
  List<CountedStep> dropSteps();

  /**
   * How many of the steps that can drop rows are the last step of the ranks, one for each table:
   * they come last. None unless the dataset says that rows that fill no whole step are dropped.
   */
  default int lastSteps() {
    return dataset().lastStep() == Dataset.LastStep.DROP ? tables().size() : 0;
  }

  /** Where its batches have the label; null: they do not, so its positives are not counted. */
  @Nullable LabelTensor label();

  /** The names of the files in row identities, by ordinal. */
  List<String> identityPaths();

  /**
   * The layout of a slot: a whole batch, with room for lists somewhat longer than the mean of the
   * tables.
   */
  Layout slotLayout();

  /** Rows that an epoch reads, before any step, as far as the footers tell. */
  long rowsPerEpoch();

  /** What of the sources is not read. */
  Pruned pruned();

  /** The resolved files, those of map-side joins behind those of the tables, as a tree of JSON. */
  List<Map<String, Object>> files();

  /** The plan in words: what is read, what is done with it, and the queries that do it. */
  String explain();
}
