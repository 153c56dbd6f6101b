package io.lastmile.source;

import java.util.List;
import java.util.Set;

/**
 * What of a table is looked at.
 *
 * @param partitions which of them are read; the files of the others are not opened
 * @param statistics names of columns, whatever their case, whose statistics are read from the
 *     footers
 */
public record Selection(PartitionFilter partitions, Set<String> statistics) {
  /** Everything, without statistics. */
  public static final Selection ALL =
      new Selection((columns, tuples) -> Set.copyOf(tuples), Set.of());

  public Selection {
    statistics = Set.copyOf(statistics);
  }

  /** Chooses partitions before any of their files is opened. */
  @FunctionalInterface
  public interface PartitionFilter {
    /**
     * The partitions whose files are read.
     *
     * @param columns of the partitions, never empty
     * @param tuples one value for each column, as SQL: each partition of the table, once
     * @return some of the tuples
     */
    Set<List<String>> read(List<TableColumn> columns, Set<List<String>> tuples);
  }
}
