package io.lastmile.worker;

import io.lastmile.batch.InvalidValueException;
import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.ColumnPlan;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.SplitQuery;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds out why a split failed, and says where. Used by the worker that ran it. */
final class Diagnosis {
  private final DatasetPlan plan;
  private final @Nullable ColumnPlan columns;
  private final Session session;

  /**
   * The diagnosis of a dataset's splits.
   *
   * @param columns that the query gives beside what the plan says; null: none
   */
  Diagnosis(DatasetPlan plan, @Nullable ColumnPlan columns, Session session) {
    this.plan = plan;
    this.columns = columns;
    this.session = session;
  }

  /**
   * The split without the row groups that cannot be read, where the source says so.
   *
   * @throws LastmileException where it does not, or where every row group can be read and the
   *     failure has another reason
   */
  Split readable(Split split, QueryException failure, EpochRun.Listener listener)
      throws InterruptedException {
    switch (failure.kind()) {
      case INTERRUPTED -> throw new InterruptedException();
      case OUT_OF_MEMORY -> throw outOfMemory(split, failure);
      default -> {}
    }
    checkUnchanged(split);
    List<Split.Part> readable = new ArrayList<>();
    for (Split.Part part : split.parts()) {
      QueryException corrupt = failure(session, query().probe(part));
      if (corrupt == null) {
        readable.add(part);
      } else if (skips(plan)) {
        listener.skipped(
            part.file().path().toString(), part.rowGroup().ordinal(), corrupt.summary());
      } else {
        throw LastmileException.of(
            FailureKind.DATA,
            "Cannot read %s, row group %d: %s (source.on_corrupt: skip leaves it out)"
                .formatted(part.file().path(), part.rowGroup().ordinal(), corrupt.summary()),
            failure);
      }
    }
    if (readable.size() == split.parts().size()) {
      throw new RowSearch(plan, columns, session).describe(split, failure);
    }
    return new Split(split.epoch(), split.ordinal(), readable);
  }

  private SplitQuery query() {
    return columns == null ? plan.query() : columns.query();
  }

  /**
   * Checks that the files of a split are those that were planned.
   *
   * @throws LastmileException DATA when one is not
   */
  static void checkUnchanged(Split split) {
    int last = -1;
    for (Split.Part part : split.parts()) {
      if (part.fileOrdinal() != last) {
        last = part.fileOrdinal();
        checkUnchanged(part.file());
      }
    }
  }

  private static void checkUnchanged(TableFile file) {
    if (!file.data().equals(file.path())) {
      return; // converted: nobody reads the file itself any more
    }
    boolean same;
    try {
      same =
          Files.size(file.path()) == file.bytes()
              && Files.getLastModifiedTime(file.path()).toInstant().equals(file.modified());
    } catch (IOException _) {
      same = false;
    }
    if (!same) {
      throw LastmileException.of(
          FailureKind.DATA,
          "%s has changed since the run began, when it had %d bytes and was written at %s (start anew; a table must stay as it is while it is read)"
              .formatted(file.path(), file.bytes(), file.modified()));
    }
  }

  /** Whether row groups that cannot be read are left out. */
  static boolean skips(DatasetPlan plan) {
    return plan.dataset().source() instanceof Source.Parquet parquet
        && parquet.onCorrupt() == Source.OnCorrupt.SKIP;
  }

  /** How a query fails, all its rows read; null: it does not. */
  static @Nullable QueryException failure(Session session, String sql) throws InterruptedException {
    try (Rows rows = session.query(sql)) {
      while (rows.next() != null) {
        // Only its failure counts.
      }
      return null;
    } catch (QueryException e) {
      if (e.kind() == QueryException.Kind.INTERRUPTED) {
        throw new InterruptedException();
      }
      return e;
    }
  }

  private LastmileException outOfMemory(Split split, QueryException failure) {
    return LastmileException.of(
        FailureKind.RESOURCES,
        "The engine's share of the budget is too small for split %d of dataset \"%s\" (%s): %s (raise cluster.workers.memory)"
            .formatted(split.ordinal(), plan.name(), places(split), failure.summary()),
        failure);
  }

  /** The failure of a value that a tensor cannot hold, with its file, row group and row. */
  static LastmileException invalidValue(
      DatasetPlan plan, VectorRows rows, InvalidValueException invalid) {
    long identity = rows.identity(invalid.row());
    TableFile file = plan.table().files().get((int) (identity >>> SplitQuery.NUMBER_BITS));
    long number = identity & ((1L << SplitQuery.NUMBER_BITS) - 1);
    return LastmileException.of(
        FailureKind.DATA,
        "%s [%s, row group %d, row %d]"
            .formatted(invalid.getMessage(), file.path(), rowGroup(file, number).ordinal(), number),
        invalid);
  }

  private static RowGroup rowGroup(TableFile file, long row) {
    return file.rowGroups().stream()
        .filter(group -> row >= group.firstRow() && row < group.firstRow() + group.rows())
        .findFirst()
        .orElseThrow();
  }

  /** The row groups of a split in words. */
  static String places(Split split) {
    return split.parts().stream()
        .map(part -> part.file().path() + ", row group " + part.rowGroup().ordinal())
        .collect(Collectors.joining("; "));
  }
}
