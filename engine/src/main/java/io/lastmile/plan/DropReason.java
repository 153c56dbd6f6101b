package io.lastmile.plan;

import io.lastmile.dataset.SmallTable;
import io.lastmile.dataset.Step;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Why a step drops a row, as SQL of a text. It is computed only of rows that the step does drop,
 * and only where somebody asks.
 */
final class DropReason {
  private static final int LONGEST_VALUE = 80;
  private static final int PLACES = 9;
  private static final ColumnType TEXT = new ColumnType.Scalar(Kind.VARCHAR);

  private DropReason() {}

  /** {@code dwell_s > 3 is FALSE}. */
  static String notTrue(String condition, Binding bound) {
    return "%s || CASE WHEN (%s) IS NULL THEN 'NULL' ELSE 'FALSE' END"
        .formatted(Expressions.literal(Expressions.shown(condition) + " is "), bound.sql());
  }

  /** {@code hash 0.83 ≥ keep 0.1}. */
  static String aboveKeep(Binding unit, String keep) {
    return "'hash ' || CAST(%s AS VARCHAR) || ' ≥ keep ' || CAST(%s AS VARCHAR)"
        .formatted(unit.sql(), keep);
  }

  /** {@code hash 0.93 is in part valid (0.9 to 1)}. */
  static String otherPart(Binding unit, Step.Split split) {
    // A CASE needs a WHEN, also for one part of all.
    StringBuilder part = new StringBuilder("CASE WHEN FALSE THEN ''");
    double end = 0;
    for (Step.Split.Part each : split.parts()) {
      Step.Split.Range range = split.part(each.name()).range();
      boolean last = Double.isInfinite(range.high());
      end = last ? 1 : range.high();
      part.append(
              last ? " ELSE " : " WHEN %s < CAST(%s AS DOUBLE) THEN ".formatted(unit.sql(), end))
          .append(
              Expressions.literal(
                  "part %s (%s to %s)".formatted(each.name(), shown(range.low()), shown(end))));
    }
    if (end < 1) {
      part.append(" ELSE ").append(Expressions.literal("no part (from " + shown(end) + ")"));
    }
    return "'hash ' || CAST(%s AS VARCHAR) || ' is in ' || %s END".formatted(unit.sql(), part);
  }

  /** {@code user_id 7 is not in users.csv}. */
  static String missing(Map<String, Binding> keys, SmallTable table) {
    return keys(keys) + " || " + Expressions.literal(" is not in " + name(table));
  }

  /** {@code user_id 7 is in spammers.csv}. */
  static String there(Map<String, Binding> keys, SmallTable table) {
    return keys(keys) + " || " + Expressions.literal(" is in " + name(table));
  }

  private static String name(SmallTable table) {
    String article = table.rows() instanceof SmallTable.Inline ? "the " : "";
    return article + StepText.table(table);
  }

  private static String keys(Map<String, Binding> keys) {
    return keys.entrySet().stream()
        .map(key -> Expressions.literal(key.getKey() + " ") + " || " + value(key.getValue()))
        .collect(Collectors.joining(" || ' and ' || "));
  }

  /** {@code seq is empty}. */
  static String noElement(String column, Binding list) {
    return "%s || CASE WHEN (%s) IS NULL THEN 'NULL' ELSE 'empty' END"
        .formatted(Expressions.literal(column + " is "), list.sql());
  }

  /** A reason with the values of columns behind it: {@code (dwell_s = 2, surface = 'board')}. */
  static String with(String reason, List<String> names, Scope scope) {
    if (names.isEmpty()) {
      return reason;
    }
    String values =
        names.stream()
            .map(
                name -> Expressions.literal(name + " = ") + " || " + value(scope.named(name, name)))
            .collect(Collectors.joining(" || ', ' || "));
    return reason + " || ' (' || " + values + " || ')'";
  }

  /** SQL of a value in words: a text in quotes, a long one cut. */
  private static String value(Binding of) {
    String sql = "(" + of.sql() + ")";
    String text =
        of.type().equals(TEXT)
            ? "'''' || replace(" + sql + ", '''', '''''') || ''''"
            : "CAST(" + sql + " AS VARCHAR)";
    return "coalesce(CASE WHEN length(%1$s) > %2$d THEN left(%1$s, %3$d) || '…' ELSE %1$s END, 'NULL')"
        .formatted(text, LONGEST_VALUE, LONGEST_VALUE - 1);
  }

  /** A sum of shares as it would be written. */
  private static String shown(double sum) {
    return new BigDecimal(sum)
        .setScale(PLACES, RoundingMode.HALF_UP)
        .stripTrailingZeros()
        .toPlainString();
  }
}
