package io.lastmile.dataset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Adds columns of a small table to the rows whose keys are in it. A null key never matches.
 *
 * @param table the small side
 * @param on the key columns, at least one
 * @param select names and globs of the columns to add; empty: all but the keys
 * @param prefix put before the names of the added columns
 * @param how what becomes of a row without a match
 * @param match what becomes of keys that are several times in the table
 */
public record Join(
    SmallTable table, List<JoinKey> on, List<String> select, String prefix, How how, Match match)
    implements Step {
  public Join {
    on = List.copyOf(on);
    select = List.copyOf(select);
    Checks.someNames("on", on.stream().map(JoinKey::left).toList());
    Checks.names("select", select);
  }

  /** A left join of all columns, by columns that have the same names on both sides. */
  public static Join of(SmallTable table, String... columns) {
    return new Join(table, JoinKey.of(columns), List.of(), "", How.LEFT, Match.UNIQUE);
  }

  /** This join with another table. */
  Join table(SmallTable other) {
    return new Join(other, on, select, prefix, how, match);
  }

  /** This join by these keys and no others. */
  public Join on(List<JoinKey> keys) {
    return new Join(table, keys, select, prefix, how, match);
  }

  /** This join of these columns and no others: names and globs. */
  public Join select(String... columns) {
    return new Join(table, on, List.of(columns), prefix, how, match);
  }

  /** This join with a text before the names of the added columns. */
  public Join prefix(@Nullable String text) {
    return new Join(table, on, select, text == null ? "" : text, how, match);
  }

  /** This join with another answer to rows without a match. */
  public Join how(How answer) {
    return new Join(table, on, select, prefix, answer, match);
  }

  /** This join with another answer to keys that are several times in the table. */
  public Join match(Match answer) {
    return new Join(table, on, select, prefix, how, answer);
  }

  @Override
  public String kind() {
    return "join";
  }

  /** What becomes of a row without a match. */
  public enum How implements Worded {
    /** It stays, the added columns are null. */
    LEFT,
    /** It is dropped. */
    INNER
  }

  /** What becomes of keys that are several times in the table. */
  public enum Match implements Worded {
    /** They are an error, found before anything runs. */
    UNIQUE,
    /** The first row counts, in the order of the files. */
    FIRST
  }
}
