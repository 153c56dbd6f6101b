package io.lastmile.split;

import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import java.util.List;

/**
 * A recipe for rows: some whole row groups of one epoch. Its result depends on nothing else.
 *
 * @param epoch from 0; pass p, from 0, over a table that starts over in epoch e is epoch e + p ·
 *     2^32
 * @param ordinal its place in the epoch's order, from 0
 * @param parts its row groups in file order
 */
public record Split(long epoch, int ordinal, List<Part> parts) {
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
