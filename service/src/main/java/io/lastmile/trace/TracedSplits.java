package io.lastmile.trace;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.SampleColumn;
import io.lastmile.plan.SplitQuery;
import io.lastmile.plan.TraceQuery;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.sequence.SplitCounts;
import io.lastmile.split.Split;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The splits of one table of a feed in an epoch, run for the identities of their rows alone. */
final class TracedSplits {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final int FIRST_CAPACITY = 1024;

  private final RecordedEpoch epoch;
  private final int table;
  private final TraceQuery query;
  private final Session session;
  private final Map<Integer, List<Split>> passes = new HashMap<>();

  TracedSplits(RecordedEpoch epoch, int table, TraceQuery query, Session session) {
    this.epoch = epoch;
    this.table = table;
    this.query = query;
    this.session = session;
  }

  /** The rows of a split that stay, in the order of the sequence. */
  static final class Traced {
    private final Split split;
    private final Identities found;
    private final int @Nullable [] order;

    private Traced(Split split, Identities found, int @Nullable [] order) {
      this.split = split;
      this.found = found;
      this.order = order;
    }

    /** The split, as far as it can be read. */
    Split split() {
      return split;
    }

    int rows() {
      return found.count;
    }

    /** The identity of a row. */
    long identity(int row) {
      return found.identities[order == null ? row : order[row]];
    }

    /** The copy number of a row; 0 where no step copies rows. */
    long copy(int row) {
      return found.copies[order == null ? row : order[row]];
    }
  }

  DatasetPlan plan() {
    return query.plan();
  }

  TraceQuery query() {
    return query;
  }

  /** The splits of a pass, in their order. */
  List<Split> ofPass(int pass) {
    return passes.computeIfAbsent(pass, number -> plan().splits().of(epoch.epoch(), number));
  }

  /** A split by its ordinal over all passes. */
  Split split(int ordinal) {
    int count = plan().splits().count();
    return ofPass(ordinal / count).get(ordinal % count);
  }

  /** How many passes were begun, one at least. */
  int passes() {
    return Math.max(1, Math.ceilDiv(epoch.splits(table), Math.max(1, plan().splits().count())));
  }

  /**
   * Runs a split.
   *
   * @param ordinal over all passes
   * @throws LastmileException DATA when it gives another number of rows than it did
   */
  Traced run(int ordinal) throws InterruptedException {
    Split split = readable(split(ordinal));
    Identities found = new Identities();
    if (!split.parts().isEmpty()) {
      read(split, found);
    }
    long then = epoch.rows(table, ordinal);
    if (then != SplitCounts.UNKNOWN && then != found.count) {
      throw LastmileException.of(
          FailureKind.DATA,
          "Split %d of dataset \"%s\" gave %d rows in the run, and gives %d now (%s)"
              .formatted(
                  split.ordinal(), plan().name(), then, found.count, Diagnosis.places(split)));
    }
    return new Traced(split, found, plan().splits().rowOrder(split, found.count));
  }

  private static final class Identities {
    private long[] identities = new long[FIRST_CAPACITY];
    private long[] copies = new long[FIRST_CAPACITY];
    private int count;

    void add(long identity, long copy) {
      if (count == identities.length) {
        identities = Arrays.copyOf(identities, 2 * count);
        copies = Arrays.copyOf(copies, 2 * count);
      }
      identities[count] = identity;
      copies[count++] = copy;
    }
  }

  private void read(Split split, Identities into) throws InterruptedException {
    SplitQuery of = query.identities();
    try (Rows rows = session.query(of.sql(split))) {
      for (Vectors vectors = rows.next(); vectors != null; vectors = rows.next()) {
        long identities = vectors.data(of.identity());
        long copies = of.copies().isEmpty() ? 0 : vectors.data(of.copyNumber());
        for (int row = 0; row < vectors.rows(); row++) {
          into.add(at(identities, row), copies == 0 ? 0 : at(copies, row));
        }
      }
    } catch (QueryException e) {
      throw failed(split, e);
    }
  }

  private static long at(long address, int row) {
    return ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, address + 8L * row);
  }

  private LastmileException failed(Split split, QueryException e) throws InterruptedException {
    Diagnosis diagnosis =
        new Diagnosis(
            plan(),
            session,
            query.identities(),
            failing -> List.of(query.identities().sql(failing)));
    return diagnosis.failed(diagnosis.withoutCorrupt(split, e, (_, _, _) -> {}), e);
  }

  /** The rows among some of a split that a step drops, as far as they can be read. */
  List<TraceQuery.Drop> drops(Split split, Collection<Long> rows) throws InterruptedException {
    try {
      return query.drops(split.epoch(), rows);
    } catch (QueryException e) {
      throw failed(split, e);
    }
  }

  /** The values of columns of some rows of a split that stay. */
  List<TraceQuery.Valued> values(Split split, Collection<Long> rows, List<SampleColumn> columns)
      throws InterruptedException {
    try {
      return query.values(split.epoch(), rows, columns);
    } catch (QueryException e) {
      throw failed(split, e);
    }
  }

  /** The split without the row groups that a run leaves out. */
  Split readable(Split split) throws InterruptedException {
    Diagnosis.checkUnchanged(split);
    Split rest = split;
    while (Diagnosis.skips(plan()) && !rest.parts().isEmpty()) {
      QueryException failure = Diagnosis.failure(session, plan().query().sql(rest));
      if (failure == null) {
        return rest;
      }
      rest = new Diagnosis(plan(), null, session).readable(rest, failure, (_, _, _) -> {});
    }
    return rest;
  }
}
