package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as people write them: {@code 30s}, {@code 1.5m}, {@code 500ms}, {@code 2h}. */
final class TimeSpan {
  /** What a mistake says that a duration is. */
  static final String WANTED = "a duration such as 30s or 5m";

  private static final Pattern SPAN =
      Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?) ?(ms|s|m|h|)");
  private static final Map<String, Integer> MILLIS = Map.of("ms", 1, "m", 60_000, "h", 3_600_000);

  private static final double MILLIS_PER_SECOND = 1e3;

  private TimeSpan() {}

  /**
   * A duration in whole milliseconds, what is left being cut off; no unit is seconds.
   *
   * @param element named by the mistake, when it is none
   */
  static Duration parse(String element, String text) {
    Matcher span = SPAN.matcher(text);
    if (!span.matches()) {
      throw LastmileException.user(
          element, "Invalid %s: \"%s\" (must be %s)".formatted(element, text, WANTED));
    }
    BigDecimal unit = BigDecimal.valueOf(MILLIS.getOrDefault(span.group(2), 1000));
    return Duration.ofMillis(new BigDecimal(span.group(1)).multiply(unit).longValue());
  }

  /** Checks that a duration is at least a millisecond. */
  static void checkPositive(String element, Duration span) {
    if (span.toMillis() <= 0) {
      throw LastmileException.user(
          element, "Invalid %s: %s (must be > 0)".formatted(element, Checks.sum(seconds(span))));
    }
  }

  /** As it is written in canonical JSON: seconds. */
  static double seconds(Duration span) {
    return span.toMillis() / MILLIS_PER_SECOND;
  }
}
