package io.lastmile.diff;

import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Permutation;
import io.lastmile.split.Split;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The row groups that either of two tables reads, by the path of the file and their place in it.
 *
 * @param groups in that order
 */
record SharedGroups(List<Shared> groups) {
  /** Row groups of one query have about as many rows. */
  private static final long BATCH_ROWS = 250_000;

  /**
   * A row group.
   *
   * @param path of its file
   * @param rows of it
   * @param a of the first table; null: it does not read it
   * @param b of the second
   */
  record Shared(Path path, long rows, Split.@Nullable Part a, Split.@Nullable Part b) {}

  /** A place in the order of the row groups. */
  private record Place(Path path, int ordinal) implements Comparable<Place> {
    @Override
    public int compareTo(Place other) {
      int files = path.compareTo(other.path);
      return files != 0 ? files : Integer.compare(ordinal, other.ordinal);
    }
  }

  SharedGroups {
    groups = List.copyOf(groups);
  }

  static SharedGroups of(List<TableFile> a, List<TableFile> b) {
    Map<Place, Split.Part> ofA = parts(a);
    Map<Place, Split.Part> ofB = parts(b);
    Map<Place, Split.Part> all = new TreeMap<>(ofA);
    all.putAll(ofB);
    List<Shared> groups = new ArrayList<>();
    all.forEach((place, part) ->
        groups.add(
            new Shared(place.path(), part.rowGroup().rows(), ofA.get(place), ofB.get(place))));
    return new SharedGroups(groups);
  }

  private static Map<Place, Split.Part> parts(List<TableFile> files) {
    Map<Place, Split.Part> parts = new TreeMap<>();
    for (int file = 0; file < files.size(); file++) {
      for (RowGroup group : files.get(file).rowGroups()) {
        if (group.rows() > 0) {
          parts.put(
              new Place(files.get(file).path(), group.ordinal()),
              new Split.Part(files.get(file), file, group));
        }
      }
    }
    return parts;
  }

  /** Some of them, drawn by a seed: as many as have at most so many rows, one at least. */
  SharedGroups sample(long seed, long rows) {
    List<Integer> chosen = new ArrayList<>();
    long left = rows;
    for (int index : Permutation.of(groups.size(), seed, "diff")) {
      left -= groups.get(index).rows();
      if (left < 0 && !chosen.isEmpty()) {
        break;
      }
      chosen.add(index);
    }
    return new SharedGroups(chosen.stream().sorted().map(groups::get).toList());
  }

  /** Neighbouring ones that are compared together. */
  List<List<Shared>> batches() {
    List<List<Shared>> batches = new ArrayList<>();
    long rows = BATCH_ROWS;
    for (Shared group : groups) {
      if (rows + group.rows() > BATCH_ROWS) {
        batches.add(new ArrayList<>());
        rows = 0;
      }
      batches.getLast().add(group);
      rows += group.rows();
    }
    return batches;
  }

  long rows() {
    return groups.stream().mapToLong(Shared::rows).sum();
  }

  /** Whether both tables read any of them. */
  boolean overlaps() {
    return groups.stream().anyMatch(group -> group.a() != null && group.b() != null);
  }
}
