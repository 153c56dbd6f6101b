package io.lastmile.trace;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Limit;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.SplitCounts;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The rows of a table: those of split 0, then 1, then 2 …. */
record TableRows(DatasetPlan plan, RecordedEpoch epoch) implements EpochRows {
  @Override
  public List<SplitRun> runs(Start start, long first, long count) {
    List<SplitRun> runs = new ArrayList<>();
    Place place = start.places().getFirst();
    long from = start.row() - place.row();
    long end = first + count;
    for (int split = place.split(); from < end; split++) {
      if (split == plan.splits().count()) {
        throw epoch.incomplete();
      }
      long rows = epoch.rows(0, split);
      // Rows of a split may be taken before it is complete.
      long next = rows == SplitCounts.UNKNOWN ? end : from + rows;
      long begin = Math.max(from, first);
      long until = Math.min(next, end);
      if (begin < until) {
        runs.add(new SplitRun(new SplitRow(0, split, begin - from), until - begin));
      }
      from = next;
    }
    return runs;
  }

  @Override
  public Numbers numbers(Collection<SplitRow> rows) {
    Map<Integer, Long> firsts = new HashMap<>();
    Long total = null;
    int splits = plan.splits().count();
    Limit limit = plan.limit();
    for (Start start : epoch.allStarts()) {
      Place place = start.places().getFirst();
      int split = place.split();
      long from = start.row() - place.row();
      while (split < splits) {
        firsts.put(split, from);
        long more = epoch.rows(0, split);
        if (more == SplitCounts.UNKNOWN) {
          break;
        }
        from += more;
        split++;
      }
      if (limit != null && from >= limit.rows()) {
        total = limit.rows();
      } else if (split == splits) {
        total = from;
      }
    }
    Map<SplitRow, Long> numbers = new HashMap<>();
    for (SplitRow row : rows) {
      Long first = firsts.get(row.ordinal());
      if (first != null) {
        numbers.put(row, first + row.row());
      }
    }
    return new Numbers(numbers, total);
  }
}
