package io.lastmile.diff;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.RowQuery;
import io.lastmile.plan.SampleColumn;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How two variations of a dataset differ in epoch 0. Rows are the same when they have the same row
 * identity: file, row number in it, and copy number.
 *
 * @param a the first
 * @param b the second
 * @param sample what was compared
 * @param overlaps whether any row group is read by both: else no row can be in both
 * @param changed of the rows in both, by column of the tensors and keys that both have: how many
 *     have another value
 * @param types the types of those columns that differ in it, by column
 * @param onlyA columns that only the first has
 * @param onlyB columns that only the second has
 */
public record DatasetDiff(
    Side a,
    Side b,
    Sample sample,
    boolean overlaps,
    Map<String, Long> changed,
    Map<String, Types> types,
    List<String> onlyA,
    List<String> onlyB) {
  /**
   * The row groups that were compared, of those that either reads.
   *
   * @param rows of them
   * @param rowGroups how many
   * @param allRows of all
   * @param allRowGroups how many there are
   */
  public record Sample(long rows, int rowGroups, long allRows, int allRowGroups) {}

  /**
   * The types of a column.
   *
   * @param a in SQL
   * @param b in SQL
   */
  public record Types(String a, String b) {}

  public DatasetDiff {
    changed = Collections.unmodifiableMap(new LinkedHashMap<>(changed));
    types = Collections.unmodifiableMap(new LinkedHashMap<>(types));
    onlyA = List.copyOf(onlyA);
    onlyB = List.copyOf(onlyB);
  }

  /** Whether nothing that was compared differs: rows, values, columns and their types. */
  public boolean same() {
    return a.only().rows() == 0
        && b.only().rows() == 0
        && changed.values().stream().allMatch(rows -> rows == 0)
        && types.isEmpty()
        && onlyA.isEmpty()
        && onlyB.isEmpty();
  }

  /**
   * Compares two datasets.
   *
   * @param label column whose positive share is counted; null: the usual one of each, see {@link
   *     io.lastmile.plan.SampleQuery#of}
   * @param rows compared at most, in whole row groups that the seed of the first experiment draws,
   *     one at least
   * @throws LastmileException of kind USER for a dataset or label that is not there, DATA when a
   *     row cannot be read or an expression fails on it, RESOURCES when the memory does not suffice
   */
  public static DatasetDiff of(
      JobPlan jobA, String nameA, JobPlan jobB, String nameB, @Nullable String label, long rows) {
    DatasetPlan planA = jobA.dataset(nameA);
    DatasetPlan planB = jobB.dataset(nameB);
    try (Session sessionA = jobA.engine().connect();
        Session sessionB = jobB.engine().connect()) {
      Map<String, SampleColumn> columnsA = RowQuery.columns(planA, sessionA);
      Map<String, SampleColumn> columnsB = RowQuery.columns(planB, sessionB);
      Map<String, Types> types = new LinkedHashMap<>();
      Map<String, String> compared = compared(columnsA, columnsB, types);
      RowQuery queryA = RowQuery.of(planA, sessionA, label, compared);
      RowQuery queryB = RowQuery.of(planB, sessionB, label, compared);
      SharedGroups all = SharedGroups.of(planA.table().files(), planB.table().files());
      SharedGroups some = all.sample(jobA.experiment().seed(), rows);
      Comparison.Result result =
          new Comparison(
                  new Comparison.Input("A", queryA, jobA.engine(), LimitEnd.of(queryA, sessionA)),
                  new Comparison.Input("B", queryB, jobB.engine(), LimitEnd.of(queryB, sessionB)))
              .run(some, jobA.experiment().cluster().workers());
      Sample sample =
          new Sample(some.rows(), some.groups().size(), all.rows(), all.groups().size());
      Map<String, Long> changed = new LinkedHashMap<>();
      for (int i = 0; i < queryA.columns().size(); i++) {
        changed.put(queryA.columns().get(i), result.changed()[i]);
      }
      return new DatasetDiff(
          result.a(),
          result.b(),
          sample,
          all.overlaps(),
          changed,
          types,
          without(columnsA, columnsB),
          without(columnsB, columnsA));
    } catch (QueryException e) {
      FailureKind kind =
          e.kind() == QueryException.Kind.OUT_OF_MEMORY ? FailureKind.RESOURCES : FailureKind.DATA;
      throw LastmileException.of(
          kind,
          "The steps of dataset \"%s\" or \"%s\" failed on a row: %s"
              .formatted(nameA, nameB, e.summary()),
          e);
    }
  }

  /** The columns of both, and as what they are compared. */
  private static Map<String, String> compared(
      Map<String, SampleColumn> a, Map<String, SampleColumn> b, Map<String, Types> types) {
    Map<String, String> compared = new LinkedHashMap<>();
    a.forEach((name, column) -> {
      SampleColumn other = b.get(name);
      if (other != null && other.type().equals(column.type())) {
        compared.put(name, "");
      } else if (other != null) {
        compared.put(name, RowQuery.common(column, other));
        types.put(name, new Types(column.type().sql(), other.type().sql()));
      }
    });
    return compared;
  }

  private static List<String> without(Map<String, SampleColumn> of, Map<String, SampleColumn> in) {
    List<String> names = new ArrayList<>(of.keySet());
    names.removeAll(in.keySet());
    return names;
  }
}
