package io.lastmile.diagnosis;

import io.lastmile.batch.TensorForm;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.ColumnPlan;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.DropStep;
import io.lastmile.plan.SplitQuery;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.source.RowGroup;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Finds the row on which an expression fails, by halves, and the step or column whose expression it
 * is. Used by the thread that ran the split.
 */
final class RowSearch {
  private static final String REMEDY = "filter such rows out, or use try_cast or another dtype";

  private final DatasetPlan plan;
  private final SplitQuery query;
  private final List<Output> outputs;
  private final Session session;
  private final Function<Split, List<String>> queries;

  RowSearch(
      DatasetPlan plan,
      @Nullable ColumnPlan columns,
      Session session,
      Function<Split, List<String>> queries) {
    this.plan = plan;
    this.query = columns == null ? plan.query() : columns.query();
    this.outputs = columns == null ? outputs(plan) : outputs(columns);
    this.session = session;
    this.queries = queries;
  }

  /** A result of the query, and the column that it is. */
  private record Output(String column, String sql) {}

  private static List<Output> outputs(DatasetPlan plan) {
    List<Output> outputs = new ArrayList<>();
    for (TensorForm form : plan.forms()) {
      for (int i = 0; i < form.results().size() && isComputed(form); i++) {
        String sql = plan.query().outputs().get(form.results().get(i));
        outputs.add(new Output(form.columns().get(i), sql));
      }
    }
    return outputs;
  }

  private static List<Output> outputs(ColumnPlan columns) {
    return columns.columns().stream()
        .map(column -> new Output(column.name(), column.sql()))
        .toList();
  }

  /**
   * What the user is told of a split whose row groups can be read, but whose query fails.
   *
   * @param failure of the split's query
   */
  LastmileException describe(Split split, QueryException failure) throws InterruptedException {
    String where = Diagnosis.places(split);
    for (Split.Part part : split.parts()) {
      if (failure(split, part) != null) {
        Split.Part row = narrowed(split, part);
        LastmileException found = ofRow(split, row);
        if (found != null) {
          return found;
        }
        if (failure(split, row) != null) {
          where = place(row);
          break;
        }
      }
    }
    return LastmileException.of(
        FailureKind.DATA,
        "An expression of dataset \"%s\" failed on a row: %s (%s) [%s]"
            .formatted(plan.name(), failure.summary(), REMEDY, where),
        failure);
  }

  /** The one row of a part that makes the query fail, as a part of its own. */
  private Split.Part narrowed(Split split, Split.Part part) throws InterruptedException {
    RowGroup rows = part.rowGroup();
    if (rows.rows() == 1) {
      return part;
    }
    long half = rows.rows() / 2;
    Split.Part first = some(part, 0, half);
    return narrowed(
        split, failure(split, first) == null ? some(part, half, rows.rows() - half) : first);
  }

  private static Split.Part some(Split.Part part, long skipped, long count) {
    return new Split.Part(part.file(), part.fileOrdinal(), part.rowGroup().some(skipped, count));
  }

  /** The failure of the step or column that fails on a row; null: none does. */
  private @Nullable LastmileException ofRow(Split split, Split.Part row)
      throws InterruptedException {
    List<DropStep> drops = query.drops();
    for (int count = 1; count <= drops.size(); count++) {
      SplitQuery steps = query.only(List.of(), count);
      QueryException failed = failure(steps, split, row);
      if (failed != null) {
        DropStep step = drops.get(count - 1);
        return failed("Step %d (%s)".formatted(step.step(), step.kind()), row, failed);
      }
    }
    for (Output output : outputs) {
      QueryException failed = failure(query.only(List.of(output.sql()), drops.size()), split, row);
      if (failed != null) {
        return failed("Column \"%s\"".formatted(output.column()), row, failed);
      }
    }
    return null;
  }

  private static boolean isComputed(TensorForm form) {
    return form.role() != TensorForm.Role.IDENTITY && form.role() != TensorForm.Role.COPY;
  }

  private LastmileException failed(String what, Split.Part row, QueryException failure) {
    return LastmileException.of(
        FailureKind.DATA,
        "%s of dataset \"%s\" cannot be computed: %s (%s) [%s]"
            .formatted(what, plan.name(), failure.summary(), REMEDY, place(row)),
        failure);
  }

  private static String place(Split.Part row) {
    return "%s, row group %d, row %d"
        .formatted(row.file().path(), row.rowGroup().ordinal(), row.rowGroup().firstRow());
  }

  /** How the queries fail on a part of a split; null: they do not. */
  private @Nullable QueryException failure(Split split, Split.Part part)
      throws InterruptedException {
    for (String sql : queries.apply(alone(split, part))) {
      QueryException failed = Diagnosis.failure(session, sql);
      if (failed != null) {
        return failed;
      }
    }
    return null;
  }

  /** How a query fails on a part of a split; null: it does not. */
  private @Nullable QueryException failure(SplitQuery query, Split split, Split.Part part)
      throws InterruptedException {
    return Diagnosis.failure(session, query.sql(alone(split, part)));
  }

  private static Split alone(Split split, Split.Part part) {
    return new Split(split.epoch(), split.ordinal(), List.of(part));
  }
}
