package io.lastmile.error;

import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Finds the right word that somebody who wrote a wrong one most likely meant. */
public final class Nearest {
  private Nearest() {}

  /**
   * The nearest of the right words: by the fewest letters changed, added, left out or swapped with
   * their neighbour (upper and lower case are the same), the first of equals; null when every one
   * of them is further away than a third of the wrong word's letters, one letter at least.
   */
  public static @Nullable String of(String wrong, Collection<String> right) {
    String lower = wrong.toLowerCase(Locale.ROOT);
    int best = Math.max(1, wrong.length() / 3) + 1;
    String nearest = null;
    for (String word : right) {
      if (Math.abs(word.length() - wrong.length()) < best) {
        int distance = distance(lower, word.toLowerCase(Locale.ROOT));
        if (distance < best) {
          best = distance;
          nearest = word;
        }
      }
    }
    return nearest;
  }

  /** {@code (did you mean "steps"?)} with its leading space, or nothing when no word is near. */
  public static String hint(String wrong, Collection<String> right) {
    String nearest = of(wrong, right);
    return nearest == null ? "" : " (did you mean \"" + nearest + "\"?)";
  }

  /** Optimal string alignment: Levenshtein's distance with swapped neighbours counted once. */
  private static int distance(String a, String b) {
    int[][] rows = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        rows[i][j] = i == 0 || j == 0 ? i + j : step(rows, a, b, i, j);
      }
    }
    return rows[a.length()][b.length()];
  }

  private static int step(int[][] rows, String a, String b, int i, int j) {
    int changed = rows[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
    int least = Math.min(changed, Math.min(rows[i - 1][j], rows[i][j - 1]) + 1);
    boolean swapped =
        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
    return swapped ? Math.min(least, rows[i - 2][j - 2] + 1) : least;
  }
}
