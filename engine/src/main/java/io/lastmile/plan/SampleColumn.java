package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import org.jspecify.annotations.Nullable;

/**
 * A column of the rows of a sample.
 *
 * @param tensor that has it; null: it is a key
 * @param name of the column
 * @param type of its values
 */
public record SampleColumn(@Nullable String tensor, String name, ColumnType type) {
  /** Whether a row has any number of values. */
  public boolean list() {
    return type instanceof ColumnType.ListOf || type instanceof ColumnType.ArrayOf;
  }
}
