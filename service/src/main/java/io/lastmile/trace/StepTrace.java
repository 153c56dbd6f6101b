package io.lastmile.trace;

import io.lastmile.plan.SampleColumn;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a step.
 *
 * @param dataset of the feed
 * @param epoch from 0
 * @param step of the epoch
 * @param rank whose rows they are; null: those of all
 * @param ranks that shared the step
 * @param firstRow number in the epoch of the first of its rows
 * @param rowCount of its rows
 * @param times how often ranks took a step of this number, when they went back; this is the last
 * @param columns of the values
 * @param rows the first of them
 */
public record StepTrace(
    String dataset,
    int epoch,
    long step,
    @Nullable Integer rank,
    int ranks,
    long firstRow,
    long rowCount,
    int times,
    List<SampleColumn> columns,
    List<Row> rows) {
  public StepTrace {
    columns = List.copyOf(columns);
    rows = List.copyOf(rows);
  }

  /**
   * A row.
   *
   * @param row its number in the epoch
   * @param rank that got it
   * @param table the dataset of a mix that it is of; null: the feed is of no mix
   * @param file its path relative to the root of the source
   * @param number of the row in the file
   * @param copies numbers of the copy, one for each step that copied the row; empty: none did
   * @param values of the columns as text, of lists one by one
   */
  public record Row(
      long row,
      int rank,
      @Nullable String table,
      String file,
      long number,
      List<Long> copies,
      List<@Nullable Object> values) {}
}
