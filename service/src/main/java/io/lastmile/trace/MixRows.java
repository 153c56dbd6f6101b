package io.lastmile.trace;

import io.lastmile.plan.MixPlan;
import io.lastmile.sequence.MixedPlaces;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/** The rows of a mix, drawn once more. */
record MixRows(MixPlan plan, RecordedEpoch epoch) implements EpochRows {
  private MixedPlaces from(Start start) {
    List<IntToLongFunction> counts = new ArrayList<>();
    for (int i = 0; i < plan.members().size(); i++) {
      int table = i;
      counts.add(ordinal -> epoch.rows(table, ordinal));
    }
    return new MixedPlaces(plan, epoch.epoch(), start.row(), start.places(), counts);
  }

  private static SplitRow row(MixedPlaces at) {
    return new SplitRow(at.member(), at.ordinal(), at.rowOfSplit());
  }

  @Override
  public List<SplitRun> runs(Start start, long first, long count) throws InterruptedException {
    MixedPlaces places = from(start);
    List<SplitRun> runs = new ArrayList<>();
    while (places.row() < first + count) {
      if (places.next() != MixedPlaces.Next.ROW) {
        throw epoch.incomplete();
      }
      if (places.row() > first) {
        SplitRow row = row(places);
        if (!runs.isEmpty() && runs.getLast().goesOnWith(row)) {
          runs.add(runs.removeLast().longer());
        } else {
          runs.add(new SplitRun(row, 1));
        }
      }
    }
    return runs;
  }

  @Override
  public Numbers numbers(Collection<SplitRow> rows) throws InterruptedException {
    Set<SplitRow> wanted = new HashSet<>(rows);
    Map<SplitRow, Long> numbers = new HashMap<>();
    @Nullable Long total = null;
    long known = -1;
    List<Start> starts =
        epoch.allStarts().stream().sorted(Comparator.comparingLong(Start::row)).toList();
    for (Start start : starts) {
      if (start.row() <= known) {
        continue;
      }
      MixedPlaces places = from(start);
      MixedPlaces.Next next = places.next();
      while (next == MixedPlaces.Next.ROW) {
        SplitRow row = row(places);
        if (wanted.contains(row)) {
          numbers.put(row, places.row() - 1);
        }
        next = places.next();
      }
      known = places.row();
      total = next == MixedPlaces.Next.END ? Long.valueOf(known) : total;
    }
    return new Numbers(numbers, total);
  }
}
