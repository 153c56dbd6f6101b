package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a column name stands for after some steps.
 *
 * @param sql scalar expression over the columns of the source
 * @param type of its values
 * @param fixedLength values per list where the source says so; null: not a fixed-size list
 * @param sources columns of the source that it reads
 */
record Binding(String sql, ColumnType type, @Nullable Integer fixedLength, Set<String> sources) {
  Binding {
    sources = Set.copyOf(sources);
  }

  /** Other SQL over the same columns of the source, with the same type. */
  Binding derived(String other) {
    return new Binding(other, type, fixedLength, sources);
  }
}
