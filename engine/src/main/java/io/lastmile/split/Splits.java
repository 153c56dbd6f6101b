package io.lastmile.split;

import io.lastmile.dataset.Shuffle;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The splits of an epoch, in order. */
public final class Splits {
  private static final int PASS_BITS = 32;

  private static final Comparator<Split.Part> FILE_ORDER =
      Comparator.comparingInt(Split.Part::fileOrdinal)
          .thenComparingInt(part -> part.rowGroup().ordinal());

  private final List<Split.Part> parts;
  private final Shuffle shuffle;
  private final long seed;

  /**
   * The splits of a table.
   *
   * @param files in path order
   * @param shuffle how their row groups are ordered
   * @param seed of the experiment
   */
  public Splits(List<TableFile> files, Shuffle shuffle, long seed) {
    List<Split.Part> all = new ArrayList<>();
    for (int f = 0; f < files.size(); f++) {
      for (RowGroup rowGroup : files.get(f).rowGroups()) {
        if (rowGroup.rows() > 0) {
          all.add(new Split.Part(files.get(f), f, rowGroup));
        }
      }
    }
    parts = List.copyOf(all);
    this.shuffle = shuffle;
    this.seed = seed;
  }

  /** The splits of an epoch. */
  public List<Split> of(long epoch) {
    return switch (shuffle) {
      case Shuffle.None none -> cut(epoch, parts, 1, new ArrayList<>());
      case Shuffle.RowGroups groups -> {
        List<Split> splits = new ArrayList<>();
        if (groups.within() == null) {
          yield cut(epoch, permuted(parts, epoch), groups.count(), splits);
        }
        int ordinal = 0;
        for (List<Split.Part> partition : partitions(groups.within())) {
          cut(epoch, permuted(partition, epoch, ordinal), groups.count(), splits);
          ordinal++;
        }
        yield splits;
      }
    };
  }

  /**
   * The splits of a pass over a table that starts over in an epoch.
   *
   * @param pass from 0
   */
  public List<Split> of(int epoch, int pass) {
    return of(epoch + ((long) pass << PASS_BITS));
  }

  /** How many there are, in every epoch. */
  public int count() {
    return switch (shuffle) {
      case Shuffle.None _ -> parts.size();
      case Shuffle.RowGroups groups -> {
        if (groups.within() == null) {
          yield Math.ceilDiv(parts.size(), groups.count());
        }
        int count = 0;
        for (List<Split.Part> partition : partitions(groups.within())) {
          count += Math.ceilDiv(partition.size(), groups.count());
        }
        yield count;
      }
    };
  }

  /** The order of the surviving rows of a split; null: as they are. */
  public int @Nullable [] rowOrder(Split split, int rows) {
    return shuffle instanceof Shuffle.None
        ? null
        : Permutation.of(rows, seed, "rows", split.epoch(), split.ordinal());
  }

  /** The row groups of the table that have rows, in file order. */
  public List<Split.Part> parts() {
    return parts;
  }

  /** How many of them there are. */
  public int rowGroups() {
    return parts.size();
  }

  private List<Split.Part> permuted(List<Split.Part> some, long... place) {
    List<Split.Part> result = new ArrayList<>(some.size());
    for (int index : Permutation.of(some.size(), seed, "row_groups", place)) {
      result.add(some.get(index));
    }
    return result;
  }

  private static List<Split> cut(
      long epoch, List<Split.Part> ordered, int count, List<Split> into) {
    for (int from = 0; from < ordered.size(); from += count) {
      List<Split.Part> some =
          new ArrayList<>(ordered.subList(from, Math.min(from + count, ordered.size())));
      some.sort(FILE_ORDER);
      into.add(new Split(epoch, into.size(), some));
    }
    return into;
  }

  private Iterable<List<Split.Part>> partitions(String column) {
    Map<@Nullable String, List<Split.Part>> partitions = new LinkedHashMap<>();
    for (Split.Part part : parts) {
      partitions
          .computeIfAbsent(part.file().partitions().get(column), value -> new ArrayList<>())
          .add(part);
    }
    return partitions.values();
  }
}
