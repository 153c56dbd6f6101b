package io.lastmile.sequence;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The splits of an epoch all rows of which are delivered.
 *
 * @param before all before this ordinal, which is not
 * @param ahead ordinals of those behind it, ascending; there are some only with {@code order:
 *     arrival}
 */
public record DeliveredSplits(int before, List<Integer> ahead) {
  /** No split is delivered. */
  public static final DeliveredSplits NONE = new DeliveredSplits(0, List.of());

  public DeliveredSplits {
    ahead = List.copyOf(ahead);
  }

  /** These and one more, which is not among them. */
  DeliveredSplits plus(int ordinal) {
    List<Integer> more = new ArrayList<>(ahead);
    more.add(ordinal);
    more.sort(null);
    int first = before;
    while (!more.isEmpty() && more.getFirst() == first) {
      more.removeFirst();
      first++;
    }
    return new DeliveredSplits(first, more);
  }

  /** Whether they are not just all splits before one. */
  public boolean isOutOfOrder(int split) {
    return before != split || !ahead.isEmpty();
  }

  boolean contains(int ordinal) {
    return ordinal < before || ahead.contains(ordinal);
  }

  /** The ordinal behind the last of them. */
  public int end() {
    return ahead.isEmpty() ? before : ahead.getLast() + 1;
  }

  /**
   * The splits whose rows are still to come, the one that is begun first, the others ascending.
   *
   * @param next split whose rows are next
   * @param end ordinal behind the last split
   */
  public List<Integer> rest(int next, int end) {
    List<Integer> rest = new ArrayList<>();
    if (next < end) {
      rest.add(next);
    }
    for (int ordinal = before; ordinal < end; ordinal++) {
      if (ordinal != next && !contains(ordinal)) {
        rest.add(ordinal);
      }
    }
    return rest;
  }

  /** The ordinal before which all are delivered, and the others. */
  List<Long> tree() {
    List<Long> tree = new ArrayList<>();
    tree.add((long) before);
    ahead.forEach(ordinal -> tree.add((long) ordinal));
    return tree;
  }

  /**
   * What {@link #tree} wrote; null: all before the split whose rows are next.
   *
   * @param split whose rows are next
   * @param row of it that is next
   * @throws IllegalArgumentException when that cannot be
   */
  static DeliveredSplits of(@Nullable Object tree, int split, long row) {
    if (tree == null) {
      return new DeliveredSplits(split, List.of());
    }
    List<Integer> ordinals =
        ((List<?>) tree).stream().map(ordinal -> Math.toIntExact((Long) ordinal)).toList();
    for (int i = 0; i < ordinals.size(); i++) {
      if (ordinals.get(i) < 0 || (i > 0 && ordinals.get(i) <= ordinals.get(i - 1))) {
        throw new IllegalArgumentException("the delivered splits " + ordinals);
      }
    }
    int before = ordinals.isEmpty() ? -1 : ordinals.getFirst();
    boolean begun = split > before && row > 0;
    if (before < 0 || (split != before && !begun) || ordinals.indexOf(split) > 0) {
      throw new IllegalArgumentException("the delivered splits " + ordinals);
    }
    return new DeliveredSplits(before, ordinals.subList(1, ordinals.size()));
  }
}
