package io.lastmile.plan;

import java.util.Locale;

/** Numbers of things in words. */
public final class Counted {
  private Counted() {}

  /** {@code 1 row} or {@code 1,234 rows}. */
  public static String of(long number, String thing) {
    return String.format(Locale.ROOT, "%,d %s", number, things(number, thing));
  }

  /** Some of all: {@code 12 of 365 files}, or {@code 365 files}. */
  static String of(long some, long all, String thing) {
    return some == all
        ? of(all, thing)
        : String.format(Locale.ROOT, "%,d of %s", some, of(all, thing));
  }

  /** {@code row} for one, else {@code rows}. */
  static String things(long number, String thing) {
    return number == 1 ? thing : thing + "s";
  }
}
