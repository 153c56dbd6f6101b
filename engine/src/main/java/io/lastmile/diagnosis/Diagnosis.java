package io.lastmile.diagnosis;

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
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds out why the rows of a split cannot be had, and says where. Used by the thread that runs the
 * split.
 */
public final class Diagnosis {
  /** Told of row groups that are left out, because they cannot be read. */
  @FunctionalInterface
  public interface Skips {
    /** A row group was left out. */
    void skipped(String file, int rowGroup, String why);

    /** The same in words. */
    static String words(String file, int rowGroup, String why) {
      return "%s, row group %d: %s".formatted(file, rowGroup, why);
    }
  }

  private final DatasetPlan plan;
  private final @Nullable ColumnPlan columns;
  private final Session session;
  private final SplitQuery reading;
  private final Function<Split, List<String>> queries;

  /**
   * Of the rows that the query of the plan gives.
   *
   * @param columns that the query gives beside what the plan says; null: none
   */
  public Diagnosis(DatasetPlan plan, @Nullable ColumnPlan columns, Session session) {
    this(
        plan,
        columns,
        session,
        query(plan, columns),
        split -> List.of(query(plan, columns).sql(split)));
  }

  /**
   * Of what other queries tell of the same steps.
   *
   * @param reading a query with the columns of the source that they read
   * @param queries of a split
   */
  public Diagnosis(
      DatasetPlan plan,
      Session session,
      SplitQuery reading,
      Function<Split, List<String>> queries) {
    this(plan, null, session, reading, queries);
  }

  private Diagnosis(
      DatasetPlan plan,
      @Nullable ColumnPlan columns,
      Session session,
      SplitQuery reading,
      Function<Split, List<String>> queries) {
    this.plan = plan;
    this.columns = columns;
    this.session = session;
    this.reading = reading;
    this.queries = queries;
  }

  /**
   * The split without the row groups that cannot be read, where the source says so.
   *
   * @throws LastmileException where it does not, or where every row group can be read and the
   *     failure has another reason
   */
  public Split readable(Split split, QueryException failure, Skips skips)
      throws InterruptedException {
    Split readable = withoutCorrupt(split, failure, skips);
    if (readable.parts().size() == split.parts().size()) {
      throw failed(split, failure);
    }
    return readable;
  }

  /**
   * As {@link #readable}, but the split itself where every row group can be read.
   *
   * @throws LastmileException where the source does not say so, or for lack of memory
   */
  public Split withoutCorrupt(Split split, QueryException failure, Skips skips)
      throws InterruptedException {
    switch (failure.kind()) {
      case INTERRUPTED -> throw new InterruptedException();
      case OUT_OF_MEMORY -> throw outOfMemory(split, failure);
      default -> {}
    }
    checkUnchanged(split);
    List<Split.Part> readable = new ArrayList<>();
    for (Split.Part part : split.parts()) {
      QueryException corrupt = failure(session, reading.probe(part));
      if (corrupt == null) {
        readable.add(part);
      } else if (skips(plan)) {
        skips.skipped(part.file().path().toString(), part.rowGroup().ordinal(), corrupt.summary());
      } else {
        throw LastmileException.of(
            FailureKind.DATA,
            "Cannot read %s, row group %d: %s (source.on_corrupt: skip leaves it out)"
                .formatted(part.file().path(), part.rowGroup().ordinal(), corrupt.summary()),
            failure);
      }
    }
    return new Split(split.epoch(), split.ordinal(), readable);
  }

  /** What the user is told of a split that can be read, but whose query fails. */
  public LastmileException failed(Split split, QueryException failure) throws InterruptedException {
    return new RowSearch(plan, columns, session, queries).describe(split, failure);
  }

  private static SplitQuery query(DatasetPlan plan, @Nullable ColumnPlan columns) {
    return columns == null ? plan.query() : columns.query();
  }

  /**
   * Checks that the files of a split are those that were planned.
   *
   * @throws LastmileException DATA when one is not
   */
  public static void checkUnchanged(Split split) {
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
    if (!file.isUnchanged()) {
      throw LastmileException.of(
          FailureKind.DATA,
          "%s has changed since the run began, when it had %d bytes and was written at %s (start anew; a table must stay as it is while it is read)"
              .formatted(file.path(), file.bytes(), file.modified()));
    }
  }

  /** Whether row groups that cannot be read are left out. */
  public static boolean skips(DatasetPlan plan) {
    return plan.dataset().source() instanceof Source.Parquet parquet
        && parquet.onCorrupt() == Source.OnCorrupt.SKIP;
  }

  /** How a query fails, all its rows read; null: it does not. */
  public static @Nullable QueryException failure(Session session, String sql)
      throws InterruptedException {
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

  /**
   * The failure of a value that a tensor cannot hold, with its file, row group and row.
   *
   * @param identity of its row
   */
  public static LastmileException invalidValue(
      DatasetPlan plan, long identity, InvalidValueException invalid) {
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
  public static String places(Split split) {
    return split.parts().stream()
        .map(part -> part.file().path() + ", row group " + part.rowGroup().ordinal())
        .collect(Collectors.joining("; "));
  }
}
