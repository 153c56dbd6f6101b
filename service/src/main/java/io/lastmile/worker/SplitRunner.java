package io.lastmile.worker;

import io.lastmile.batch.InvalidValueException;
import io.lastmile.dataset.Shuffle;
import io.lastmile.dispatch.Assignment;
import io.lastmile.dispatch.Dispatcher;
import io.lastmile.dispatch.DispatcherState;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Tally;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.sequence.Sequence;
import io.lastmile.split.Split;

/** Runs splits, one after the other, on one thread with its own connection to the engine. */
final class SplitRunner {
  private final DatasetPlan plan;
  private final Session session;
  private final Dispatcher dispatcher;
  private final Sequence sequence;
  private final StagingPool pool;
  private final EpochRun.Listener listener;

  SplitRunner(
      DatasetPlan plan,
      Session session,
      Dispatcher dispatcher,
      Sequence sequence,
      StagingPool pool,
      EpochRun.Listener listener) {
    this.plan = plan;
    this.session = session;
    this.dispatcher = dispatcher;
    this.sequence = sequence;
    this.pool = pool;
    this.listener = listener;
  }

  /** Runs splits until there are none left. */
  void runAll() throws InterruptedException {
    Assignment assignment = dispatcher.next();
    while (assignment != null && !sequence.hasReachedLimit()) {
      int ordinal = assignment.split().ordinal();
      if (assignment.mode() != DispatcherState.Mode.STREAMED || sequence.awaitTurn(ordinal)) {
        run(assignment);
      }
      dispatcher.appended(ordinal);
      assignment = dispatcher.next();
    }
  }

  private void run(Assignment assignment) throws InterruptedException {
    Split rest = assignment.split();
    while (true) {
      try {
        run(rest, assignment.bytes());
        return;
      } catch (QueryException e) {
        rest = new Diagnosis(plan, session).readable(rest, e, listener);
      }
    }
  }

  private void run(Split split, long reserved) throws InterruptedException {
    long[] counters = new long[plan.query().counters()];
    try (Staging staging = new Staging(pool)) {
      session.counting(counters);
      long kept = split.parts().isEmpty() ? 0 : query(split, staging, reserved);
      Tally tally = plan.query().tally(counters, kept);
      Diagnosis.checkUnchanged(split);
      checkCount(split, tally, kept);
      if (sequence.awaitTurn(split.ordinal())) {
        sequence.append(staging.ordered(plan.splits().rowOrder(split, staging.rows())));
        sequence.passTurn(split.ordinal(), tally);
      }
    } finally {
      session.counting(null);
    }
  }

  /**
   * Runs the query; rows go to staging, or into the sequence when it is their turn and their order.
   * Says how many there were.
   */
  private long query(Split split, Staging staging, long reserved) throws InterruptedException {
    boolean streams = plan.dataset().shuffle() instanceof Shuffle.None && !Diagnosis.skips(plan);
    long kept = 0;
    long last = -1;
    long room = reserved;
    try (Rows result = session.query(plan.query().sql(split))) {
      for (Vectors vectors = result.next(); vectors != null; vectors = result.next()) {
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        VectorRows rows = new VectorRows(vectors, plan.query());
        last = checkOrder(rows, last, split);
        kept += rows.rows();
        if (streams && sequence.hasTurn(split.ordinal())) {
          flush(staging);
          append(rows);
        } else {
          stage(rows, staging);
          room = withinBudget(staging, room, split, streams);
        }
      }
    }
    return kept;
  }

  private void flush(Staging staging) throws InterruptedException {
    if (!staging.isEmpty()) {
      sequence.append(staging.ordered(null));
      staging.close();
    }
  }

  private void append(VectorRows rows) throws InterruptedException {
    try {
      sequence.append(rows);
    } catch (InvalidValueException e) {
      throw Diagnosis.invalidValue(plan, rows, e);
    }
  }

  private void stage(VectorRows rows, Staging staging) {
    try {
      staging.add(rows);
    } catch (InvalidValueException e) {
      throw Diagnosis.invalidValue(plan, rows, e);
    }
  }

  /**
   * Reserves more where the footers promised too little; where there is no more, a split that may
   * stream waits for its turn.
   */
  private long withinBudget(Staging staging, long room, Split split, boolean streams)
      throws InterruptedException {
    long missing = staging.bytes() - room;
    if (missing <= 0) {
      return room;
    }
    if (dispatcher.extend(split.ordinal(), missing)) {
      return room + missing;
    }
    if (!streams) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Split %d of dataset \"%s\" needs more than the %d MiB left of its budget for rows that wait (lower shuffle.row_groups or raise cluster.workers.memory)"
              .formatted(split.ordinal(), plan.name(), room >> 20));
    }
    if (sequence.awaitTurn(split.ordinal())) {
      flush(staging);
    }
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
