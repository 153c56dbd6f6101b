package io.lastmile;

import io.lastmile.feed.Lineage;
import io.lastmile.query.Engine;
import io.lastmile.run.RunRecord;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.SplitCounts;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Writes into the record of a run where the rows of each epoch went: of each split its number of
 * rows, once, and of each beginning how far the ranks got. What an earlier driver of the same
 * record wrote stays. One thread at a time.
 */
final class LineageLog {
  private static final long VERSION = 1;

  private final RunRecord record;

  /** How many counts of a beginning are written, by its counts. */
  private final Map<SplitCounts, Integer> written = new HashMap<>();

  /** What was written of an epoch last, by its name. */
  private final Map<String, Map<String, Object>> trees = new HashMap<>();

  /** The beginnings that an earlier driver wrote of an epoch, by its name. */
  private final Map<String, List<?>> earlier = new HashMap<>();

  LineageLog(RunRecord record) {
    this.record = record;
  }

  /** Writes what is new. The counts come before the rows that they are needed for. */
  void write(Lineage lineage) {
    Map<Integer, List<Lineage.Beginning>> epochs =
        lineage.beginnings().stream()
            .collect(
                Collectors.groupingBy(
                    beginning -> beginning.start().epoch(), TreeMap::new, Collectors.toList()));
    epochs.forEach((epoch, beginnings) -> {
      String name = lineage.dataset() + "-" + epoch;
      Map<String, Object> tree = tree(lineage.dataset(), epoch, name, beginnings);
      beginnings.forEach(beginning -> writeCounts(name, beginning.counts()));
      if (!tree.equals(trees.put(name, tree))) {
        record.lineage(name, tree);
      }
    });
  }

  private void writeCounts(String name, List<SplitCounts> tables) {
    for (int table = 0; table < tables.size(); table++) {
      SplitCounts counts = tables.get(table);
      int done = written.getOrDefault(counts, 0);
      long[] more = counts.since(counts.first() + done);
      record.counts(name + "." + table + ".counts", counts.first() + done, more);
      written.put(counts, done + more.length);
    }
  }

  private Map<String, Object> tree(
      String dataset, int epoch, String name, List<Lineage.Beginning> beginnings) {
    List<Object> all = new ArrayList<>(earlier.computeIfAbsent(name, this::earlier));
    beginnings.forEach(beginning -> all.add(tree(beginning)));
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("dataset", dataset);
    tree.put("epoch", (long) epoch);
    tree.put("engine", Engine.version());
    tree.put("fingerprint", beginnings.getFirst().start().fingerprint());
    tree.put("tables", (long) Math.max(1, beginnings.getFirst().start().places().size()));
    tree.put("beginnings", all);
    return tree;
  }

  private List<?> earlier(String name) {
    Map<?, ?> tree = record.lineage(name);
    return tree != null && tree.get("beginnings") instanceof List<?> list ? list : List.of();
  }

  private static Map<String, @Nullable Object> tree(Lineage.Beginning beginning) {
    Position start = beginning.start();
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("rank", beginning.rank() == null ? null : (long) beginning.rank());
    tree.put("ranks", (long) beginning.ranks());
    tree.put("batch", (long) beginning.batch());
    tree.put("step", start.step());
    tree.put("row", start.rows());
    tree.put("to_row", beginning.taken());
    tree.put("order", beginning.order().word());
    tree.put("places", places(start));
    return tree;
  }

  /** Pass, split, row of the split and rows of the pass before it, for each table. */
  private static List<List<Long>> places(Position start) {
    if (start.places().isEmpty()) {
      return List.of(List.of(0L, (long) start.split(), start.row(), start.rows()));
    }
    return start.places().stream().map(LineageLog::place).toList();
  }

  private static List<Long> place(Place place) {
    return List.of((long) place.pass(), (long) place.split(), place.row(), place.taken());
  }
}
