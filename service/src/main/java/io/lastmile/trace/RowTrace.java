package io.lastmile.trace;

import io.lastmile.plan.SampleColumn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of some rows of the source.
 *
 * @param dataset of the feed
 * @param found how many rows were found
 * @param rows the first of them
 * @param notSearched what could not be searched for rows, and why
 */
public record RowTrace(String dataset, long found, List<Row> rows, List<String> notSearched) {
  public RowTrace {
    rows = List.copyOf(rows);
    notSearched = List.copyOf(notSearched);
  }

  /**
   * A row.
   *
   * @param table the dataset of a mix that it is of; null: the feed is of no mix
   * @param file its path relative to the root of the source
   * @param number of the row in the file
   * @param columns of the values
   * @param values as text, of lists one by one
   * @param fates of its copies in each epoch, in order
   */
  public record Row(
      @Nullable String table,
      String file,
      long number,
      List<SampleColumn> columns,
      List<@Nullable Object> values,
      List<Fate.OfCopy> fates) {
    public Row {
      columns = List.copyOf(columns);
      fates = List.copyOf(fates);
    }
  }
}
