package io.lastmile.worker;

import io.lastmile.batch.InvalidValueException;
import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.sequence.StagedRows;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs splits of a table, on one thread with its own connection to the engine. */
final class SplitRunner {
  private final DatasetPlan plan;
  private final Session session;
  private final StagingPool pool;
  private final EpochRun.Listener listener;
  private final @Nullable RowKeeper keeper;

  SplitRunner(
      DatasetPlan plan,
      Session session,
      StagingPool pool,
      EpochRun.Listener listener,
      @Nullable RowKeeper keeper) {
    this.keeper = keeper;
    this.plan = plan;
    this.session = session;
    this.pool = pool;
    this.listener = listener;
  }

  /**
   * Runs a split.
   *
   * @param skipped indexes of its row groups that were left out when its first rows were delivered,
   *     whether they can be read now or not
   * @param reserved bytes of staging reserved for it
   * @param outlet of its rows
   * @throws LastmileException of kind DATA where every run would fail
   * @throws QueryException where another might not
   */
  void run(Split split, List<Integer> skipped, long reserved, Outlet outlet)
      throws InterruptedException {
    Split rest = without(split, skipped);
    while (true) {
      try {
        attempt(rest, leftOut(split, rest), reserved, outlet);
        return;
      } catch (QueryException e) {
        if (!e.mayBeOfData()) {
          Diagnosis.checkUnchanged(rest);
          throw e;
        }
        rest = diagnosis().readable(rest, e, listener::skipped);
      }
    }
  }

  private Split without(Split split, List<Integer> skipped) {
    if (skipped.isEmpty()) {
      return split;
    }
    List<Split.Part> parts = new ArrayList<>(split.parts());
    for (int index : skipped) {
      if (index >= parts.size()) {
        throw LastmileException.of(
            FailureKind.USER,
            "Invalid position: row group %d of split %d was left out (it has %d)"
                .formatted(index, split.ordinal(), parts.size()));
      }
      Split.Part part = split.parts().get(index);
      listener.skipped(
          part.file().path().toString(),
          part.rowGroup().ordinal(),
          "left out before the position that this goes on from");
    }
    parts.removeIf(part -> skipped.contains(split.parts().indexOf(part)));
    return new Split(split.epoch(), split.ordinal(), parts);
  }

  private static List<Integer> leftOut(Split split, Split run) {
    List<Integer> leftOut = new ArrayList<>();
    if (run.parts().size() == split.parts().size()) {
      return leftOut;
    }
    for (int index = 0; index < split.parts().size(); index++) {
      if (!run.parts().contains(split.parts().get(index))) {
        leftOut.add(index);
      }
    }
    return leftOut;
  }

  private Diagnosis diagnosis() {
    return new Diagnosis(plan, keeper == null ? null : keeper.columns(), session);
  }

  private void attempt(Split split, List<Integer> skipped, long reserved, Outlet outlet)
      throws InterruptedException {
    long[] counters = new long[plan.query().counters()];
    Staging staging = new Staging(pool);
    try {
      session.counting(counters);
      long kept = split.parts().isEmpty() ? 0 : query(split, staging, reserved, outlet);
      Tally tally = plan.query().tally(counters, kept);
      Diagnosis.checkUnchanged(split);
      checkCount(split, tally, kept);
      StagedRows rows = staging.ordered(plan.splits().rowOrder(split, staging.rows()));
      outlet.complete(skipped, rows, tally, staging.handedOver());
    } finally {
      session.counting(null);
      staging.close();
    }
  }

  /**
   * Runs the query; rows go to staging, or into the sequence when it is their turn and their order.
   * Says how many there were.
   */
  private long query(Split split, Staging staging, long reserved, Outlet outlet)
      throws InterruptedException {
    boolean streams = outlet.streams() && !Diagnosis.skips(plan);
    long kept = 0;
    long last = -1;
    long room = reserved;
    String sql = keeper == null ? plan.query().sql(split) : keeper.sql(session, split);
    try (Rows result = session.query(sql)) {
      for (Vectors vectors = result.next(); vectors != null; vectors = result.next()) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        VectorRows rows = new VectorRows(vectors, plan.query());
        last = checkOrder(rows, last, split);
        kept += rows.rows();
        if (streams && outlet.hasTurn()) {
          flush(staging, outlet);
          append(rows, outlet);
        } else {
          stage(rows, staging);
          room = withinBudget(staging, room, split, streams, outlet);
        }
      }
    }
    return kept;
  }

  private static void flush(Staging staging, Outlet outlet) throws InterruptedException {
    if (!staging.isEmpty()) {
      outlet.append(staging.ordered(null));
      staging.close();
    }
  }

  private void append(VectorRows rows, Outlet outlet) throws InterruptedException {
    try {
      outlet.append(rows);
    } catch (InvalidValueException e) {
      throw Diagnosis.invalidValue(plan, rows.identity(e.row()), e);
    }
  }

  private void stage(VectorRows rows, Staging staging) {
    try {
      staging.add(rows);
    } catch (InvalidValueException e) {
      throw Diagnosis.invalidValue(plan, rows.identity(e.row()), e);
    }
  }

  /**
   * Reserves more where the footers promised too little; where there is no more, a split that may
   * stream waits for its turn.
   */
  private long withinBudget(Staging staging, long room, Split split, boolean streams, Outlet outlet)
      throws InterruptedException {
    long missing = staging.bytes() - room;
    if (missing <= 0) {
      return room;
    }
    if (outlet.extend(missing)) {
      return room + missing;
    }
    if (!streams) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Split %d of dataset \"%s\" needs more than the %d MiB left of its budget for rows that wait (lower shuffle.row_groups or raise cluster.workers.memory)"
              .formatted(split.ordinal(), plan.name(), room >> 20));
    }
    outlet.awaitTurn();
    flush(staging, outlet);
    return room;
  }

  private long checkOrder(VectorRows rows, long before, Split split) {
    long last = before;
    boolean copies = !plan.query().copies().isEmpty();
    for (int row = 0; row < rows.rows(); row++) {
      long identity = rows.identity(row);
      boolean ordered =
          identity > last || (identity == last && row > 0 && rows.copy(row) > rows.copy(row - 1));
      if (!ordered && !(row == 0 && identity == last && copies)) {
        throw LastmileException.of(
            FailureKind.INTERNAL,
            "The engine changed the order of rows in split %d of dataset \"%s\""
                .formatted(split.ordinal(), plan.name()));
      }
      last = identity;
    }
    return last;
  }

  private void checkCount(Split split, Tally tally, long kept) {
    if (tally.read() != split.rows() || tally.kept() != kept) {
      throw LastmileException.of(
          FailureKind.DATA,
          "The engine read %d of the %d rows of split %d of dataset \"%s\" (%s)"
              .formatted(
                  tally.read() + kept - tally.kept(),
                  split.rows(),
                  split.ordinal(),
                  plan.name(),
                  Diagnosis.places(split)));
    }
  }
}
