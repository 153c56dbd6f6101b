package io.lastmile.diff;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Limit;
import io.lastmile.plan.RowQuery;
import io.lastmile.plan.SplitQuery;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the {@code limit} of a dataset ends epoch 0: the splits up to there are run for the number
 * of their rows. Immutable.
 */
final class LimitEnd {
  /** The ordinals of splits by file and row group. */
  private final Map<Place, Integer> splits;

  /** The split in which it ends. */
  private final int last;

  /** The rows of that split before the end. */
  private final Set<Identity> rows;

  /** A row group of a table. */
  private record Place(int file, int rowGroup) {}

  /** A row: its row identity and copy number. */
  private record Identity(long row, long copy) {}

  private LimitEnd(Map<Place, Integer> splits, int last, Set<Identity> rows) {
    this.splits = splits;
    this.last = last;
    this.rows = rows;
  }

  /** The end of a dataset; null: it has no limit. */
  static @Nullable LimitEnd of(RowQuery query, Session session) {
    Limit limit = query.plan().limit();
    if (limit == null) {
      return null;
    }
    DatasetPlan plan = query.plan();
    Map<Place, Integer> ordinals = new HashMap<>();
    List<Split> splits = plan.splits().of(0);
    for (Split split : splits) {
      for (Split.Part part : split.parts()) {
        ordinals.put(new Place(part.fileOrdinal(), part.rowGroup().ordinal()), split.ordinal());
      }
    }
    long left = limit.rows();
    for (Split split : splits) {
      List<Identity> all = identities(query, session, split);
      if (all.size() >= left) {
        return new LimitEnd(ordinals, split.ordinal(), first(plan, split, all, (int) left));
      }
      left -= all.size();
    }
    return new LimitEnd(ordinals, splits.size(), Set.of());
  }

  private static List<Identity> identities(RowQuery query, Session session, Split split) {
    boolean copies = !query.query().copies().isEmpty();
    List<Identity> identities = new ArrayList<>();
    try (Rows rows = session.query(query.identities(split))) {
      for (Vectors vectors = rows.next(); vectors != null; vectors = rows.next()) {
        for (int row = 0; row < vectors.rows(); row++) {
          long copy = copies ? ComparedRows.longAt(vectors.data(0), row) : 0;
          identities.add(
              new Identity(ComparedRows.longAt(vectors.data(copies ? 1 : 0), row), copy));
        }
      }
    }
    return identities;
  }

  private static Set<Identity> first(DatasetPlan plan, Split split, List<Identity> all, int count) {
    int[] order = plan.splits().rowOrder(split, all.size());
    Set<Identity> first = new HashSet<>();
    for (int i = 0; i < count; i++) {
      first.add(all.get(order == null ? i : order[i]));
    }
    return first;
  }

  /** Whether a row is before the end, of a row group of the table. */
  boolean keeps(int rowGroup, long row, long copy) {
    int file = (int) (row >>> SplitQuery.NUMBER_BITS);
    int split = splits.getOrDefault(new Place(file, rowGroup), Integer.MAX_VALUE);
    return split < last || (split == last && rows.contains(new Identity(row, copy)));
  }
}
