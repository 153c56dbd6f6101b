package io.lastmile.cli;

import io.lastmile.plan.Counted;
import java.util.Locale;

/** Numbers as the user reads them. */
final class Quantity {
  private static final int MINUTE = 60;
  private static final int HOUR = 3600;

  private Quantity() {}

  /** {@code 1,234}. */
  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** {@code 1 row} or {@code 1,234 rows}. */
  static String counted(long number, String thing) {
    return Counted.of(number, thing);
  }

  /** {@code 12.5 %} of a share of 0.125. */
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", share * 100);
  }

  /** {@code 12.5 s}. */
  static String seconds(double seconds) {
    return String.format(Locale.ROOT, "%.1f s", seconds);
  }

  /** {@code 12 s}, {@code 3 min 05 s} or {@code 2 h 10 min}. */
  static String duration(long seconds) {
    if (seconds < MINUTE) {
      return seconds + " s";
    }
    return seconds < HOUR
        ? String.format(Locale.ROOT, "%d min %02d s", seconds / MINUTE, seconds % MINUTE)
        : String.format(Locale.ROOT, "%d h %02d min", seconds / HOUR, seconds % HOUR / MINUTE);
  }

  /** {@code 700 MiB}. */
  static String bytes(long bytes) {
    return count(Math.round(bytes / 1048576.0)) + " MiB";
  }
}
