package io.lastmile.query;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of the conditions that a condition joins by AND.
 *
 * @param sql of it
 * @param columns that it names, in the case they were written
 * @param comparison when it is one of a column with constants; null: it is something else
 */
public record Conjunct(String sql, List<String> columns, @Nullable Comparison comparison) {
  public Conjunct {
    columns = List.copyOf(columns);
  }

  /**
   * A column compared with constants: expressions that name no column.
   *
   * @param column its name, in the case it was written
   * @param operator with the column on the left
   * @param constants one; two for BETWEEN; none for IS NULL and IS NOT NULL
   */
  public record Comparison(String column, Operator operator, List<Constant> constants) {
    public Comparison {
      constants = List.copyOf(constants);
    }
  }

  /**
   * A constant.
   *
   * @param sql of it
   * @param untyped whether it is a string literal, which takes the type of what it is compared with
   */
  public record Constant(String sql, boolean untyped) {}

  /** How a column is compared. */
  public enum Operator {
    EQUAL,
    LESS,
    LESS_OR_EQUAL,
    GREATER,
    GREATER_OR_EQUAL,
    BETWEEN,
    IN,
    IS_NULL,
    IS_NOT_NULL;

    /** The same comparison with its sides exchanged. */
    Operator mirrored() {
      return switch (this) {
        case LESS -> GREATER;
        case LESS_OR_EQUAL -> GREATER_OR_EQUAL;
        case GREATER -> LESS;
        case GREATER_OR_EQUAL -> LESS_OR_EQUAL;
        case EQUAL, BETWEEN, IN, IS_NULL, IS_NOT_NULL -> this;
      };
    }
  }
}
