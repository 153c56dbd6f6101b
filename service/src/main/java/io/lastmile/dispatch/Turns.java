package io.lastmile.dispatch;

import java.util.List;

/**
 * Which of the splits that are not in the sequence may be next there.
 *
 * @param window of the ordinals from the lowest of them on, of which a finished one may be next; 1:
 *     the lowest is
 * @param ordinals by place; only where the window is larger
 */
public record Turns(int window, List<Integer> ordinals) {
  /** The lowest one is next. */
  public static final Turns IN_ORDER = new Turns(1, List.of());

  public Turns {
    ordinals = List.copyOf(ordinals);
  }

  /**
   * Whether the rows of a finished split may be next.
   *
   * @param place of the split
   * @param lowest place that is not in the sequence
   */
  boolean mayBeNext(int place, int lowest) {
    return place == lowest || (window > 1 && ordinals.get(place) < ordinals.get(lowest) + window);
  }
}
