package io.lastmile.source;

import java.util.Map;

/**
 * Some consecutive rows of a file that are read together.
 *
 * @param ordinal its place in the file, from 0
 * @param firstRow number of its first row in the file, from 0
 * @param rows how many rows it has
 * @param compressedBytes of all columns, as in the file
 * @param listValues by list column: the values in all its lists, where a null list and an empty one
 *     count as one value
 * @param statistics by column, of those columns that they were asked for and the footer has them
 */
public record RowGroup(
    int ordinal,
    long firstRow,
    long rows,
    long compressedBytes,
    Map<String, Long> listValues,
    Map<String, ColumnStatistics> statistics) {
  public RowGroup {
    listValues = Map.copyOf(listValues);
    statistics = Map.copyOf(statistics);
  }

  /**
   * Some of its rows, as a row group of this place.
   *
   * @param skipped rows before the first of them
   * @param count of them
   */
  public RowGroup some(long skipped, long count) {
    return new RowGroup(
        ordinal, firstRow + skipped, count, compressedBytes, listValues, statistics);
  }
}
