package io.lastmile.trace;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SourceRows;
import io.lastmile.plan.TraceQuery;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.split.Split;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Finds rows of the source, of each table of a feed. Used once, by one thread. */
final class RowSearch {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  private static final String COLUMNS = "--columns";

  private final JobPlan job;
  private final FeedPlan plan;
  private final Session session;
  private final List<TraceQuery> tables;

  /** By table: its source, and rows of it. */
  private final List<Found> found = new ArrayList<>();

  private final List<String> notSearched = new ArrayList<>();
  private long count;

  RowSearch(JobPlan job, FeedPlan plan, Session session, List<TraceQuery> tables) {
    this.job = job;
    this.plan = plan;
    this.session = session;
    this.tables = tables;
  }

  private record Found(int table, SourceRows source, List<SourceRows.Row> rows) {}

  /** Finds a row; of a mix in each dataset that has such a file. */
  RowSearch row(String file, long number) {
    LastmileException missing = null;
    for (int i = 0; i < tables.size(); i++) {
      try {
        SourceRows source = SourceRows.at(job, tables.get(i).plan(), session, file, number);
        SourceRows.Row row = source.row(file, job.experiment().origin().folder(), number);
        found.add(new Found(i, source, List.of(row)));
        count++;
      } catch (LastmileException e) {
        missing = e;
      }
    }
    if (missing != null && found.isEmpty()) {
      throw missing;
    }
    return this;
  }

  /** Finds the rows for which a condition is TRUE; of a mix in each dataset with its columns. */
  RowSearch where(String condition, long limit) throws InterruptedException {
    LastmileException wrong = null;
    long left = limit;
    boolean any = false;
    for (int i = 0; i < tables.size(); i++) {
      SourceRows source;
      try {
        source = SourceRows.where(job, tables.get(i).plan(), session, condition);
      } catch (LastmileException e) {
        if (e.kind() != FailureKind.USER) {
          throw e;
        }
        wrong = e;
        notSearched.add("dataset %s: %s".formatted(tables.get(i).plan().name(), e.text()));
        continue;
      }
      any = true;
      List<SourceRows.Row> rows = new ArrayList<>();
      for (Split split : source.splits()) {
        search(source, split, rows, left);
      }
      left -= rows.size();
      found.add(new Found(i, source, rows));
    }
    if (wrong != null && !any) {
      throw wrong;
    }
    return this;
  }

  private void search(SourceRows source, Split split, List<SourceRows.Row> rows, long most)
      throws InterruptedException {
    try (Rows result = session.query(source.query().sql(split))) {
      for (Vectors vectors = result.next(); vectors != null; vectors = result.next()) {
        long identities = vectors.data(source.query().identity());
        for (int row = 0; row < vectors.rows(); row++) {
          if (rows.size() < most) {
            long identity = ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, identities + 8L * row);
            rows.add(source.row(split, identity));
          }
          count++;
        }
      }
    } catch (QueryException e) {
      unreadable(source, split, e);
    }
  }

  private void unreadable(SourceRows source, Split split, QueryException failure)
      throws InterruptedException {
    Split.Part part = split.parts().getFirst();
    QueryException corrupt = Diagnosis.failure(session, source.query().probe(part));
    if (corrupt == null) {
      throw LastmileException.of(
          FailureKind.DATA,
          "The condition of --where failed on a row: %s (use try_cast) [%s]"
              .formatted(failure.summary(), Diagnosis.places(split)),
          failure);
    }
    notSearched.add(
        Diagnosis.Skips.words(
            part.file().path().toString(), part.rowGroup().ordinal(), corrupt.summary()));
  }

  /** What became of the rows that were found. */
  RowTrace traced(
      List<RecordedEpoch> epochs, Function<RecordedEpoch, RowTracer> tracers, List<String> columns)
      throws InterruptedException {
    List<List<Map<SourceRows.Row, List<Fate.OfCopy>>>> fates = new ArrayList<>();
    for (Found of : found) {
      List<Map<SourceRows.Row, List<Fate.OfCopy>>> ofEpochs = new ArrayList<>();
      for (RecordedEpoch epoch : epochs) {
        ofEpochs.add(tracers.apply(epoch).fates(of.table, of.rows));
      }
      fates.add(ofEpochs);
    }
    List<RowTrace.Row> rows = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      Found of = found.get(i);
      TraceQuery query = tables.get(of.table);
      List<SampleColumn> shown =
          query.sourceColumns(columns.isEmpty() ? query.sourceKeys() : columns, COLUMNS);
      for (SourceRows.Row row : of.rows) {
        List<Fate.OfCopy> all = new ArrayList<>();
        fates.get(i).forEach(epoch -> all.addAll(epoch.getOrDefault(row, List.of())));
        rows.add(traced(of, row, shown, all));
      }
    }
    return new RowTrace(plan.name(), count, rows, notSearched);
  }

  private RowTrace.Row traced(
      Found of, SourceRows.Row row, List<SampleColumn> columns, List<Fate.OfCopy> fates) {
    List<SampleColumn> shown = columns;
    List<@Nullable Object> values;
    try {
      values = of.source.values(List.of(row), columns).getFirst();
    } catch (QueryException _) {
      shown = List.of(); // in a row group that cannot be read
      values = List.of();
    }
    String table = plan instanceof MixPlan ? tables.get(of.table).plan().name() : null;
    return new RowTrace.Row(table, row.file().relative(), row.number(), shown, values, fates);
  }
}
