package io.lastmile.preview;

import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The first row groups of the sequence of epoch 0.
 *
 * @param splits with them, in the order of the sequence
 * @param whole whether they are all row groups of these splits: else their rows have no place in
 *     the sequence yet
 * @param allSplits how many the epoch has
 * @param allRowGroups how many the table has
 */
public record Sample(List<Split> splits, boolean whole, int allSplits, int allRowGroups) {
  private static final Comparator<Split.Part> FILE_ORDER =
      Comparator.comparingInt(Split.Part::fileOrdinal)
          .thenComparingInt(part -> part.rowGroup().ordinal());

  public Sample {
    splits = List.copyOf(splits);
  }

  /**
   * As many whole splits as have at most so many rows; if not even the first has, as many of its
   * row groups, but one at least.
   */
  static Sample of(Splits splits, long rows) {
    List<Split> all = splits.of(0);
    List<Split> some = new ArrayList<>();
    long left = rows;
    for (Split split : all) {
      left -= split.rows();
      if (left < 0) {
        break;
      }
      some.add(split);
    }
    if (!some.isEmpty() || all.isEmpty()) {
      return new Sample(some, true, all.size(), splits.rowGroups());
    }
    List<Split.Part> parts = all.getFirst().parts();
    List<Split.Part> first = new ArrayList<>(parts.subList(0, 1));
    left = rows - parts.getFirst().rowGroup().rows();
    for (Split.Part part : parts.subList(1, parts.size())) {
      left -= part.rowGroup().rows();
      if (left < 0) {
        break;
      }
      first.add(part);
    }
    boolean whole = first.size() == parts.size();
    return new Sample(List.of(new Split(0, 0, first)), whole, all.size(), splits.rowGroups());
  }

  /** Its row groups as one split, in file order. */
  Split together() {
    return new Split(
        0, 0, splits.stream().flatMap(split -> split.parts().stream()).sorted(FILE_ORDER).toList());
  }

  /** The same with other splits: those of its own without some row groups. */
  Sample of(List<Split> others) {
    return new Sample(others, whole, allSplits, allRowGroups);
  }

  /** Its row groups as one split, in the order of the sequence. */
  Split inOrder() {
    return new Split(0, 0, splits.stream().flatMap(split -> split.parts().stream()).toList());
  }

  /** How many row groups it has. */
  public int rowGroups() {
    return splits.stream().mapToInt(split -> split.parts().size()).sum();
  }

  /** How many rows it reads. */
  public long rows() {
    return splits.stream().mapToLong(Split::rows).sum();
  }
}
