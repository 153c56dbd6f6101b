package io.lastmile.dataset;

import java.util.List;
import java.util.stream.Stream;

/** A key column of the dataset and the column of the small table it is compared with. */
public record JoinKey(String left, String right) {
  public JoinKey {
    Checks.filled("on", left);
    Checks.filled("on", right);
  }

  /** Keys whose columns have the same names in the dataset and in the table. */
  static List<JoinKey> of(String... columns) {
    return Stream.of(columns).map(column -> new JoinKey(column, column)).toList();
  }
}
