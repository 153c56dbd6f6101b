package io.lastmile.trace;

import io.lastmile.sequence.Place;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where ranks began to take rows of an epoch.
 *
 * @param rank the only one, which has the feed to itself; null: all share it
 * @param ranks that share each step
 * @param batch rows of a whole batch
 * @param step global steps of the epoch before
 * @param row of the epoch
 * @param toRow the row behind the last that the rank that got furthest has taken
 * @param places how far each table had been taken
 */
record Start(
    @Nullable Integer rank,
    int ranks,
    int batch,
    long step,
    long row,
    long toRow,
    List<Place> places) {
  Start {
    places = List.copyOf(places);
  }

  /** Rows of a whole step. */
  long stepRows() {
    return (long) ranks * batch;
  }

  /** The step behind the last that was taken. */
  long toStep() {
    return step + Math.ceilDiv(toRow - row, stepRows());
  }

  /** The first row of a step. */
  long firstRow(long ofStep) {
    return row + (ofStep - step) * stepRows();
  }

  /** The rows of a step that was taken: fewer than a whole one only at the end of the epoch. */
  long rowsOf(long ofStep) {
    return Math.min(stepRows(), toRow - firstRow(ofStep));
  }

  boolean tookStep(long ofStep) {
    return ofStep >= step && ofStep < toStep();
  }

  boolean tookRow(long ofEpoch) {
    return ofEpoch >= row && ofEpoch < toRow;
  }

  /** The rows of a step, from 0, at which each rank's begin, and their number behind those. */
  List<Long> bounds(long ofStep) {
    long rows = rowsOf(ofStep);
    List<Long> bounds = new ArrayList<>();
    for (int rank = 0; rank <= ranks; rank++) {
      bounds.add(rows * rank / ranks);
    }
    return bounds;
  }

  /** Where a row that was taken was. */
  Use use(long ofEpoch, boolean again) {
    long at = step + (ofEpoch - row) / stepRows();
    long ofStep = ofEpoch - firstRow(at);
    List<Long> bounds = bounds(at);
    int of = 0;
    while (bounds.get(of + 1) <= ofStep) {
      of++;
    }
    return new Use(at, rank == null ? of : rank, ofStep - bounds.get(of), again);
  }
}
