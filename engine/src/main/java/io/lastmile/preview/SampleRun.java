package io.lastmile.preview;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.Limit;
import io.lastmile.plan.SampleQuery;
import io.lastmile.plan.SplitQuery;
import io.lastmile.plan.StepEffect;
import io.lastmile.query.Session;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Runs the queries of a preview. Used once, by one thread. */
final class SampleRun {
  private static final long NUMBER_MASK = (1L << SplitQuery.NUMBER_BITS) - 1;

  private final DatasetPlan plan;
  private final Session session;
  private final SampleQuery query;
  private final Sample sample;

  SampleRun(DatasetPlan plan, Session session, SampleQuery query, Sample sample) {
    this.plan = plan;
    this.session = session;
    this.query = query;
    this.sample = sample;
  }

  /** A row of the result: its row identity and copy number. */
  private record Identity(long row, long copy) {}

  Preview preview(int rows, List<String> skipped) {
    List<List<@Nullable Object>> counts = counts();
    List<StepEffect> effects = new ArrayList<>(query.effects(counts));
    long left = query.left(counts).rows();
    Limit limit = plan.limit();
    long needed = Math.min(rows, left);
    if (limit != null && limit.rows() < left) {
      needed = limit.rows();
      left = limit.rows();
    }
    SplitQuery ends = query.ends();
    List<List<@Nullable Object>> first = query.first(ends, sample.splits(), sample.whole(), needed);
    if (limit != null && limit.rows() == left) {
      effects.add(effects.removeLast().leaving(query.counts(first)));
    }
    List<Identity> shown = first.stream().limit(rows).map(row -> identity(ends, row)).toList();
    return new Preview(
        plan, sample, skipped, query.label(), effects, left, query.columns(), values(shown));
  }

  private List<List<@Nullable Object>> counts() {
    if (sample.rowGroups() == 0) {
      return query.nothing();
    }
    List<List<@Nullable Object>> counts = new ArrayList<>();
    for (String sql : query.sql(sample.together())) {
      counts.add(session.rows(sql).getFirst());
    }
    return counts;
  }

  private static Identity identity(SplitQuery of, List<@Nullable Object> row) {
    long copy = of.copies().isEmpty() ? 0 : number(row, of.copyNumber());
    return new Identity(number(row, of.identity()), copy);
  }

  private static long number(List<@Nullable Object> row, int column) {
    return (Long) Objects.requireNonNull(row.get(column));
  }

  private List<List<@Nullable Object>> values(List<Identity> shown) {
    if (shown.isEmpty()) {
      return List.of();
    }
    SplitQuery of = query.values();
    Map<Identity, List<@Nullable Object>> byIdentity = new HashMap<>();
    for (List<@Nullable Object> row : session.rows(of.sql(rowsAlone(shown)))) {
      byIdentity.put(identity(of, row), row.subList(0, of.outputs().size()));
    }
    List<List<@Nullable Object>> values = new ArrayList<>();
    shown.forEach(identity -> values.add(Objects.requireNonNull(byIdentity.get(identity))));
    return values;
  }

  /** A split of row groups of one row each. */
  private Split rowsAlone(List<Identity> shown) {
    List<Split.Part> parts = new ArrayList<>();
    for (long row : new TreeSet<>(shown.stream().map(Identity::row).toList())) {
      int fileOrdinal = Math.toIntExact(row >> SplitQuery.NUMBER_BITS);
      TableFile file = plan.table().files().get(fileOrdinal);
      // Every second ordinal: a query reads neighbouring row groups as one range.
      int ordinal = 2 * parts.size();
      RowGroup alone = new RowGroup(ordinal, row & NUMBER_MASK, 1, 0, Map.of(), Map.of());
      parts.add(new Split.Part(file, fileOrdinal, alone));
    }
    return new Split(0, 0, parts);
  }
}
