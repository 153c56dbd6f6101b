package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of single rows of a dataset: which of a split stay, why others do not, and some of
 * their values. Used by one thread.
 */
public final class TraceQuery {
  private final DatasetPlan plan;
  private final Session session;
  private final SplitQuery identities;

  public TraceQuery(DatasetPlan plan, Session session) {
    this.plan = plan;
    this.session = session;
    this.identities = SplitQuery.of(new Outputs(), plan.stage(), plan.table().columns());
  }

  public DatasetPlan plan() {
    return plan;
  }

  /**
   * A row that a step dropped.
   *
   * @param identity of the row
   * @param copies numbers of the copy that was dropped, of each step before that copies rows
   * @param step its number among the dataset's steps, from 0
   * @param kind its key
   * @param why in words
   */
  public record Drop(long identity, List<Long> copies, int step, String kind, String why) {
    public Drop {
      copies = List.copyOf(copies);
    }
  }

  /** The query of the identities of the rows of a split that stay, in the order of the files. */
  public SplitQuery identities() {
    return identities;
  }

  /**
   * The rows among these that a step drops.
   *
   * @param epoch of the split that they are read in
   * @param rows their identities
   */
  public List<Drop> drops(long epoch, Collection<Long> rows) {
    Split split = plan.spanning(epoch, rows);
    List<Drop> drops = new ArrayList<>();
    for (int level = 0; level < identities.levels().size(); level++) {
      List<DropStep> steps = identities.levels().get(level).drops();
      if (!steps.isEmpty()) {
        String sql = only(identities.levelSql(split, level, items(level, steps)), rows);
        for (List<@Nullable Object> row : session.rows(sql)) {
          int dropped = Math.toIntExact(number(row, row.size() - 2));
          if (dropped > 0) {
            DropStep by = steps.get(dropped - 1);
            List<Long> copies = row.subList(1, 1 + level).stream().map(Long.class::cast).toList();
            String why = String.valueOf(row.getLast());
            drops.add(new Drop(number(row, 0), copies, by.step(), by.kind(), why));
          }
        }
      }
    }
    return drops;
  }

  private List<String> items(int level, List<DropStep> steps) {
    List<String> items = new ArrayList<>(List.of(SplitQuery.IDENTITY));
    for (int before = 0; before < level; before++) {
      items.add(SplitQuery.copyNumber(before).sql());
    }
    StringBuilder why = new StringBuilder("CASE " + SplitQuery.DROPPED);
    for (int i = 0; i < steps.size(); i++) {
      why.append(" WHEN ").append(i + 1).append(" THEN ").append(why(steps.get(i)));
    }
    items.add("CAST(" + SplitQuery.DROPPED + " AS BIGINT)");
    items.add(why.append(" END").toString());
    return items;
  }

  /** Why a step drops a row, of a filter with the values that it looked at. */
  private String why(DropStep drop) {
    if (plan.dataset().steps().get(drop.step()) instanceof Step.Filter filter) {
      Scope before = plan.stage().waypoints().get(drop.step()).scope();
      return DropReason.with(drop.why(), StepColumns.of(filter, before, session), before);
    }
    return drop.why();
  }

  private static String only(String sql, Collection<Long> rows) {
    return "SELECT * FROM (\n%s\n) AS rows WHERE %s IN (%s)"
        .formatted(
            sql,
            SplitQuery.IDENTITY,
            rows.stream().map(String::valueOf).collect(Collectors.joining(", ")));
  }

  private static long number(List<@Nullable Object> row, int column) {
    return (Long) Objects.requireNonNull(row.get(column));
  }

  /**
   * Values of a row.
   *
   * @param identity of the row
   * @param copy its copy number; 0 where no step copies rows
   * @param values as text, of lists one by one
   */
  public record Valued(long identity, long copy, List<@Nullable Object> values) {}

  /**
   * Columns of the rows that stay.
   *
   * @param patterns names and globs: of columns behind the last step, else of the source
   * @throws io.lastmile.error.LastmileException of kind USER when there is no such column
   */
  public List<SampleColumn> columns(List<String> patterns, String element) {
    Scope end = plan.stage().scope();
    Scope source = source();
    List<String> names = new ArrayList<>();
    for (String pattern : patterns) {
      boolean atEnd = end.mayHave(pattern) || !source.mayHave(pattern);
      names.addAll((atEnd ? end : source).matching(List.of(pattern), element));
    }
    return names.stream()
        .distinct()
        .map(name -> new SampleColumn(null, name, binding(name).type()))
        .toList();
  }

  /**
   * Columns of the source.
   *
   * @throws io.lastmile.error.LastmileException of kind USER when there is no such column
   */
  public List<SampleColumn> sourceColumns(List<String> patterns, String element) {
    return source().matching(patterns, element).stream()
        .map(name -> new SampleColumn(null, name, source().named(name, element).type()))
        .toList();
  }

  /** Those of the dataset's keys that its source has under their names. */
  public List<String> sourceKeys() {
    return plan.dataset().keys().stream().filter(source()::has).toList();
  }

  private Scope source() {
    return plan.stage().waypoints().getFirst().scope();
  }

  private Binding binding(String name) {
    Scope end = plan.stage().scope();
    return (end.has(name) ? end : source()).named(name, name);
  }

  /** The values of columns of {@link #columns} of the rows among these that stay. */
  public List<Valued> values(long epoch, Collection<Long> rows, List<SampleColumn> columns) {
    Set<String> sources = new LinkedHashSet<>();
    List<String> texts = new ArrayList<>();
    for (SampleColumn column : columns) {
      Binding value = binding(column.name());
      sources.addAll(value.sources());
      texts.add(text(column, value));
    }
    SplitQuery query = query(texts, sources);
    List<Valued> values = new ArrayList<>();
    for (List<@Nullable Object> row :
        session.rows(only(query.sql(plan.spanning(epoch, rows)), rows))) {
      long copy = query.copies().isEmpty() ? 0 : number(row, query.copyNumber());
      values.add(
          new Valued(
              number(row, query.identity()), copy, new ArrayList<>(row.subList(0, texts.size()))));
    }
    return values;
  }

  private SplitQuery query(List<String> outputs, Set<String> sources) {
    Outputs read = new Outputs();
    read.sources().addAll(sources);
    SplitQuery of = SplitQuery.of(read, plan.stage(), plan.table().columns());
    return new SplitQuery(outputs, of.levels(), of.sources());
  }

  static String text(SampleColumn column, Binding value) {
    return "CAST((" + value.sql() + ") AS " + (column.list() ? "VARCHAR[]" : "VARCHAR") + ")";
  }
}
