package io.lastmile.split;

import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import java.util.List;

/**
 * A recipe for rows: some whole row groups of one epoch. Its result depends on nothing else.
 *
 * @param epoch from 0
 * @param ordinal its place in the epoch's order, from 0
 * @param parts its row groups in file order
 */
public record Split(int epoch, int ordinal, List<Part> parts) {
  /**
   * One row group.
   *
   * @param file it lies in
   * @param fileOrdinal index of the file in the table, from 0
   * @param rowGroup the row group
   */
  public record Part(TableFile file, int fileOrdinal, RowGroup rowGroup) {}

  public Split {
    parts = List.copyOf(parts);
  }

  /** Rows read by it. */
  public long rows() {
    return parts.stream().mapToLong(part -> part.rowGroup().rows()).sum();
  }
}
