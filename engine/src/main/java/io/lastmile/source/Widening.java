package io.lastmile.source;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which types of SQL become which others without losing a value: the table of docs/experiment.md.
 */
final class Widening {
  /** By bits; a signed type holds the unsigned ones before it. */
  private static final List<String> SIGNED = List.of("TINYINT", "SMALLINT", "INTEGER", "BIGINT");

  private static final List<String> UNSIGNED =
      List.of("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT");

  private static final List<String> FLOATING = List.of("FLOAT", "DOUBLE");
  private static final List<String> INSTANTS =
      List.of("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS");
  private static final List<String> ZONED_INSTANTS =
      List.of("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS");

  /** The largest integers that a DOUBLE holds, all of them. */
  private static final int BITS_32 = 2;

  private static final Pattern LIST = Pattern.compile("(.*)(\\[[0-9]*])", Pattern.DOTALL);

  private Widening() {}

  /** The narrowest type with all values of both; null where there is none. */
  static @Nullable String of(String a, String b) {
    if (a.equals(b)) {
      return a;
    }
    Matcher listA = LIST.matcher(a);
    Matcher listB = LIST.matcher(b);
    if (listA.matches() && listB.matches()) {
      String values = of(listA.group(1), listB.group(1));
      return values == null || !listA.group(2).equals(listB.group(2))
          ? null
          : values + listA.group(2);
    }
    for (List<String> chain : List.of(SIGNED, UNSIGNED, FLOATING, INSTANTS, ZONED_INSTANTS)) {
      if (chain.contains(a) && chain.contains(b)) {
        return chain.get(Math.max(chain.indexOf(a), chain.indexOf(b)));
      }
    }
    return UNSIGNED.contains(a) || FLOATING.contains(b) ? mixed(b, a) : mixed(a, b);
  }

  /**
   * A signed or floating-point type with an unsigned one, or a floating-point one with a signed.
   */
  private static @Nullable String mixed(String wide, String integer) {
    if (FLOATING.contains(wide)) {
      int size = Math.max(SIGNED.indexOf(integer), UNSIGNED.indexOf(integer));
      return size >= 0 && size <= BITS_32 ? "DOUBLE" : null;
    }
    int unsigned = UNSIGNED.indexOf(integer);
    if (!SIGNED.contains(wide) || unsigned < 0 || unsigned + 1 >= SIGNED.size()) {
      return null;
    }
    return SIGNED.get(Math.max(SIGNED.indexOf(wide), unsigned + 1));
  }

  /**
   * The narrowest type with all values of some, each two of which have one.
   *
   * @param types at least one, in any order
   */
  static String ofAll(List<String> types) {
    // Integers of 32 bits make one of 64, which floating-point numbers would not take: those first.
    List<String> ordered =
        types.stream().sorted((a, b) -> Boolean.compare(isFloating(b), isFloating(a))).toList();
    String widest = ordered.getFirst();
    for (String type : ordered) {
      String wider = of(widest, type);
      if (wider == null) {
        throw new IllegalArgumentException(types.toString());
      }
      widest = wider;
    }
    return widest;
  }

  private static boolean isFloating(String type) {
    return FLOATING.contains(type.replaceAll("(\\[[0-9]*])*$", ""));
  }
}
