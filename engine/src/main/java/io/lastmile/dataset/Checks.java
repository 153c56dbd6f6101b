package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The checks that every spelling of an experiment passes, called by the records' constructors. A
 * mistake's element is named from the record it lies in: {@code batch}, not {@code
 * datasets.train.batch}; whoever knows where the record lies puts that before it.
 */
final class Checks {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  private static final Pattern SQL_TYPE =
      Pattern.compile("[A-Za-z][A-Za-z0-9_]*( [A-Za-z]+)*(\\(\\d+(, ?\\d+)?\\))?(\\[\\d*])*");

  /** As exact as sums of shares are compared. */
  private static final int SUM_DIGITS = 9;

  private Checks() {}

  static void positive(String element, long value) {
    if (value <= 0) {
      throw LastmileException.user(element, "Invalid " + element + ": " + value + " (must be > 0)");
    }
  }

  /** A name that becomes part of a file's name. */
  static void name(String element, String value) {
    if (!NAME.matcher(value).matches()) {
      throw LastmileException.user(
          element,
          "Invalid name: \""
              + value
              + "\" (must be letters, digits, '-', '_' and '.', begin with a letter or digit, and be"
              + " at most 100 long)");
    }
  }

  static void filled(String element, String value) {
    if (value.isBlank()) {
      throw LastmileException.user(
          element, "Invalid " + element + ": \"" + value + "\" (must not be empty)");
    }
  }

  static void expression(String element, String value) {
    if (value.isBlank()) {
      throw LastmileException.user(
          element, "Invalid " + element + ": \"" + value + "\" (must be an SQL expression)");
    }
  }

  /** A share of rows, in (0, 1]. */
  static void share(String element, double value) {
    if (!(value > 0 && value <= 1)) {
      throw LastmileException.user(
          element, "Invalid " + element + ": " + value + " (must be in (0, 1])");
    }
  }

  /** The name of an SQL type; whether there is such a type, the planner sees. */
  static void sqlType(String element, String value) {
    if (!SQL_TYPE.matcher(value).matches()) {
      throw LastmileException.user(
          element,
          "Invalid type: \"" + value + "\" (must be an SQL type such as FLOAT or BIGINT[])");
    }
  }

  /** A sum of shares in messages, without what is only the rounding of doubles. */
  static String sum(double value) {
    BigDecimal rounded = BigDecimal.valueOf(value).setScale(SUM_DIGITS, RoundingMode.HALF_UP);
    return rounded.stripTrailingZeros().toPlainString();
  }

  /** Names that are all filled and all different. */
  static void names(String element, List<String> values) {
    Set<String> seen = new HashSet<>();
    for (String value : values) {
      filled(element, value);
      if (!seen.add(value)) {
        throw LastmileException.user(
            element, "Invalid " + element + ": \"" + value + "\" is listed twice");
      }
    }
  }

  /** As {@link #names}, and at least one. */
  static void someNames(String element, List<String> values) {
    if (values.isEmpty()) {
      throw LastmileException.user(element, "Invalid " + element + ": none (must be at least one)");
    }
    names(element, values);
  }
}
