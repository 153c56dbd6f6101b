package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import io.lastmile.query.ColumnType;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The real steps of a dataset over a sample of its splits, counted between each two: one query for
 * each level of the steps, of one row of aggregates. Used by one thread.
 */
public final class SampleQuery {
  private static final ColumnType BOOLEAN = new ColumnType.Scalar(ColumnType.Kind.BOOLEAN);

  private final DatasetPlan plan;
  private final Session session;
  private final @Nullable String label;
  private final List<List<String>> aggregates = new ArrayList<>();
  private final Set<String> sources = new LinkedHashSet<>();
  private final List<Counted> waypoints = new ArrayList<>();
  private final List<Map<String, Place>> used = new ArrayList<>();

  private SampleQuery(DatasetPlan plan, Session session, @Nullable String label) {
    this.plan = plan;
    this.session = session;
    this.label = label;
    plan.query().levels().forEach(level -> aggregates.add(new ArrayList<>()));
  }

  /** Where an aggregate stands: the level of its query, and the index among its columns. */
  private record Place(int level, int column) {}

  /** Where the counts of a waypoint stand. */
  private record Counted(
      Place rows, @Nullable Place labelled, @Nullable Place positive, Map<String, Place> weights) {}

  /** The label of a row as SQL: whether it has one, and whether it is positive. */
  record Label(Binding known, Binding positive) {}

  /**
   * Finds what is counted.
   *
   * @param session that parses expressions
   * @param label column whose positive share is counted, before the step that makes it and after
   *     one that leaves it out not; null: {@code label}, else the first column of a label step,
   *     else the column of the tensor {@code label}, else none; of them one that is there in the
   *     end, if any
   * @throws LastmileException of kind USER when there is no such column, or it is neither a number
   *     nor a boolean
   */
  public static SampleQuery of(DatasetPlan plan, Session session, @Nullable String label) {
    List<Waypoint> waypoints = plan.stage().waypoints();
    List<Scope> scopes = waypoints.stream().map(Waypoint::scope).toList();
    SampleQuery query =
        new SampleQuery(plan, session, label == null ? usual(plan) : checked(scopes, label));
    for (Waypoint waypoint : waypoints) {
      query.waypoints.add(query.counted(waypoint));
    }
    List<Step> steps = plan.dataset().steps();
    for (int i = 0; i < steps.size(); i++) {
      query.used.add(query.uses(steps.get(i), waypoints.get(i)));
    }
    return query;
  }

  /**
   * As {@link #of}, but only what {@link #left} tells is counted, of the label alone.
   *
   * @param label column behind the last step; null: as for {@link #of}, but only of the columns
   *     that are there in the end
   * @throws LastmileException of kind USER when there is no such column, or it is neither a number
   *     nor a boolean
   */
  public static SampleQuery ofEnd(DatasetPlan plan, Session session, @Nullable String label) {
    Waypoint last = plan.stage().waypoints().getLast();
    SampleQuery query =
        new SampleQuery(
            plan, session, label == null ? usualIn(plan, last.scope()) : atEnd(plan, label));
    query.waypoints.add(
        query.counted(new Waypoint(last.level(), last.drops(), last.scope(), List.of())));
    return query;
  }

  private static String atEnd(DatasetPlan plan, String label) {
    Scope end = plan.stage().scope();
    if (!end.has(label)
        && plan.stage().waypoints().stream().anyMatch(before -> before.scope().has(label))) {
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid label: a step of dataset \"%s\" leaves \"%s\" out (must be there in the end)"
              .formatted(plan.name(), label));
    }
    return checked(List.of(end), label);
  }

  private static @Nullable String usual(DatasetPlan plan) {
    // One that is there in the end before one that a step leaves out.
    for (Waypoint waypoint : plan.stage().waypoints().reversed()) {
      String label = usualIn(plan, waypoint.scope());
      if (label != null) {
        return label;
      }
    }
    return null;
  }

  /** The label of a dataset when none is named, of the columns of a scope; null: none. */
  static @Nullable String usualIn(DatasetPlan plan, Scope scope) {
    Stream<String> made =
        plan.dataset().steps().stream()
            .filter(Step.Label.class::isInstance)
            .map(Step.Label.class::cast)
            .flatMap(step -> step.columns().stream())
            .map(Step.Label.Rule::name);
    Stream<String> tensor =
        plan.dataset().tensors().stream()
            .filter(each -> each.name().equals("label"))
            .map(Tensor::columns)
            .filter(Tensor.Columns.One.class::isInstance)
            .map(columns -> ((Tensor.Columns.One) columns).name());
    return Stream.of(Stream.of("label"), made, tensor)
        .flatMap(all -> all)
        .filter(name -> scope.has(name) && isLabel(scope, name))
        .findFirst()
        .orElse(null);
  }

  private static String checked(List<Scope> scopes, String label) {
    for (Scope scope : scopes) {
      if (scope.has(label) && !isLabel(scope, label)) {
        throw LastmileException.of(
            FailureKind.USER,
            "Invalid label: \"%s\" is %s (must be a number or BOOLEAN)"
                .formatted(label, scope.named(label, "label").type().sql()));
      }
    }
    if (scopes.stream().noneMatch(scope -> scope.has(label))) {
      Set<String> known = new LinkedHashSet<>();
      scopes.forEach(scope -> known.addAll(scope.columns().keySet()));
      throw LastmileException.of(
          FailureKind.USER,
          "Invalid label: unknown column \"" + label + "\"" + Nearest.hint(label, known));
    }
    return label;
  }

  private static boolean isLabel(Scope scope, String name) {
    ColumnType type = Objects.requireNonNull(scope.columns().get(name)).type();
    return type.equals(BOOLEAN) || Types.numeric(type);
  }

  /** The label of the rows of a scope; null: it has none. */
  @Nullable Label label(Scope scope) {
    if (label == null || !scope.has(label) || !isLabel(scope, label)) {
      return null;
    }
    Binding column = scope.named(label, label);
    String positive = column.type().equals(BOOLEAN) ? " IS TRUE" : " > 0";
    return new Label(column, column.derived("(" + column.sql() + ")" + positive));
  }

  private Counted counted(Waypoint waypoint) {
    Label of = label(waypoint.scope());
    Map<String, Place> weights = new LinkedHashMap<>();
    for (String name : waypoint.weights()) {
      Binding weight = waypoint.scope().named(name, name);
      weights.put(
          name, add(waypoint, "sum", weight.derived("CAST((" + weight.sql() + ") AS DOUBLE)")));
    }
    Place rows = addSql(waypoint, "count(CASE WHEN " + stays(waypoint) + " THEN 1 END)");
    return of == null
        ? new Counted(rows, null, null, weights)
        : new Counted(
            rows,
            add(waypoint, "count", of.known()),
            add(
                waypoint,
                "count",
                of.positive().derived("CASE WHEN " + of.positive().sql() + " THEN 1 END")),
            weights);
  }

  private Map<String, Place> uses(Step step, Waypoint before) {
    Map<String, Place> columns = new LinkedHashMap<>();
    for (String name : StepColumns.of(step, before.scope(), session)) {
      columns.put(name, add(before, "count", before.scope().named(name, name)));
    }
    return columns;
  }

  /** The aggregate of a value over the rows of a waypoint; no other row's value is computed. */
  private Place add(Waypoint waypoint, String function, Binding value) {
    sources.addAll(value.sources());
    return addSql(
        waypoint,
        "%s(CASE WHEN %s THEN (%s) END)".formatted(function, stays(waypoint), value.sql()));
  }

  private Place addSql(Waypoint waypoint, String aggregate) {
    List<String> level = aggregates.get(waypoint.level());
    int at = level.indexOf(aggregate);
    if (at < 0) {
      at = level.size();
      level.add(aggregate);
    }
    return new Place(waypoint.level(), at);
  }

  private static String stays(Waypoint waypoint) {
    String dropped = SplitQuery.DROPPED;
    return "(" + dropped + " = 0 OR " + dropped + " > " + waypoint.drops() + ")";
  }

  /** The column whose positive share is counted; null: none. */
  public @Nullable String label() {
    return label;
  }

  /** Queries of one row each, whose rows {@link #effects} reads, in this order. */
  public List<String> sql(Split sample) {
    SplitQuery query = query(List.of(), sources);
    List<String> queries = new ArrayList<>();
    for (int level = 0; level < aggregates.size(); level++) {
      if (!aggregates.get(level).isEmpty()) {
        queries.add(query.levelSql(sample, level, aggregates.get(level)));
      }
    }
    return queries;
  }

  /** A query with the columns of the source that the queries of {@link #everySql} read. */
  public SplitQuery reading() {
    Set<String> all = new LinkedHashSet<>(sources);
    all.addAll(ends().sources());
    all.addAll(values().sources());
    return query(List.of(), all);
  }

  /** A query with the columns of the source that the queries of {@link #sql} read. */
  public SplitQuery counting() {
    return query(List.of(), sources);
  }

  /** The queries of {@link #sql}, then {@link #ends} and {@link #values}. */
  public List<String> everySql(Split sample) {
    List<String> queries = new ArrayList<>(sql(sample));
    queries.add(ends().sql(sample));
    queries.add(values().sql(sample));
    return queries;
  }

  /** What the queries would give of a sample without a row. */
  public List<List<@Nullable Object>> nothing() {
    List<List<@Nullable Object>> rows = new ArrayList<>();
    for (List<String> level : aggregates) {
      List<@Nullable Object> row = new ArrayList<>();
      level.forEach(aggregate -> row.add(aggregate.startsWith("count(") ? 0L : null));
      if (!row.isEmpty()) {
        rows.add(row);
      }
    }
    return rows;
  }

  private SplitQuery query(List<Binding> columns, Set<String> more) {
    Outputs outputs = new Outputs();
    outputs.sources().addAll(more);
    columns.forEach(column -> outputs.add(column.sql(), column.sources()));
    SplitQuery deduplicated = SplitQuery.of(outputs, plan.stage(), plan.table().columns());
    return new SplitQuery(
        columns.stream().map(Binding::sql).toList(), deduplicated.levels(), deduplicated.sources());
  }

  /**
   * What each step does, from the rows of the queries; a {@code limit} leaves what it sees.
   *
   * @param rows of each query its row
   */
  public List<StepEffect> effects(List<List<@Nullable Object>> rows) {
    List<SampleCounts> counts = waypoints.stream().map(waypoint -> counts(waypoint, rows)).toList();
    List<StepEffect> effects = new ArrayList<>();
    List<Step> steps = plan.dataset().steps();
    for (int i = 0; i < steps.size(); i++) {
      SampleCounts before = counts.get(i);
      Map<String, Double> nulls = new LinkedHashMap<>();
      if (before.rows() > 0) {
        used.get(i)
            .forEach((name, at) -> nulls.put(name, 1 - (double) number(rows, at) / before.rows()));
      }
      String text = StepText.of(steps.get(i));
      effects.add(
          new StepEffect(
              i,
              steps.get(i).kind(),
              text.substring(steps.get(i).kind().length() + 2),
              before,
              counts.get(i + 1),
              nulls));
    }
    return effects;
  }

  /** What is left of the sample in the end, without a {@code limit}. */
  public SampleCounts left(List<List<@Nullable Object>> rows) {
    return counts(waypoints.getLast(), rows);
  }

  private SampleCounts counts(Counted at, List<List<@Nullable Object>> rows) {
    Map<String, Double> weights = new LinkedHashMap<>();
    at.weights()
        .forEach((name, place) -> {
          Object sum = value(rows, place);
          weights.put(name, sum == null ? 0 : (Double) sum);
        });
    return new SampleCounts(
        number(rows, at.rows()),
        at.labelled() == null ? null : Long.valueOf(number(rows, at.labelled())),
        at.positive() == null ? null : Long.valueOf(number(rows, at.positive())),
        weights);
  }

  private long number(List<List<@Nullable Object>> rows, Place at) {
    return (Long) Objects.requireNonNull(value(rows, at));
  }

  /** Of a level for which nothing is counted there is no query, and no row. */
  private @Nullable Object value(List<List<@Nullable Object>> rows, Place at) {
    long query = aggregates.stream().limit(at.level()).filter(level -> !level.isEmpty()).count();
    return rows.get((int) query).get(at.column());
  }

  /**
   * The rows after the last step but {@code limit}, with the columns that {@link #counts} reads;
   * without a limit with none: it is there for the order of the rows.
   */
  public SplitQuery ends() {
    if (plan.limit() == null) {
      return query(List.of(), Set.of());
    }
    Waypoint last = plan.stage().waypoints().getLast();
    List<Binding> columns = new ArrayList<>();
    Label of = label(last.scope());
    if (of != null) {
      columns.add(of.known().derived("(" + of.known().sql() + ") IS NOT NULL"));
      columns.add(of.positive());
    }
    for (String name : last.weights()) {
      Binding weight = last.scope().named(name, name);
      columns.add(weight.derived("CAST((" + weight.sql() + ") AS DOUBLE)"));
    }
    return query(columns, Set.of());
  }

  /**
   * The first so many rows of {@link #ends}.
   *
   * @param splits that have them, in their order
   * @param ordered whether the rows of each come in the order of the sequence, else in that of the
   *     files
   */
  public List<List<@Nullable Object>> first(
      SplitQuery ends, List<Split> splits, boolean ordered, long rows) {
    List<List<@Nullable Object>> first = new ArrayList<>();
    for (Split split : splits) {
      if (first.size() >= rows) {
        break;
      }
      if (split.parts().isEmpty()) {
        continue;
      }
      List<List<@Nullable Object>> stay = session.rows(ends.sql(split));
      int[] order = ordered ? plan.splits().rowOrder(split, stay.size()) : null;
      for (int i = 0; i < stay.size() && first.size() < rows; i++) {
        first.add(stay.get(order == null ? i : order[i]));
      }
    }
    return first;
  }

  /** Counts rows of {@link #ends}. */
  public SampleCounts counts(List<List<@Nullable Object>> rows) {
    Waypoint last = plan.stage().waypoints().getLast();
    boolean labelled = label(last.scope()) != null;
    Map<String, Double> weights = new LinkedHashMap<>();
    for (int i = 0; i < last.weights().size(); i++) {
      int column = i + (labelled ? 2 : 0);
      double sum = 0;
      for (List<@Nullable Object> row : rows) {
        sum += row.get(column) instanceof Double value ? value : 0;
      }
      weights.put(last.weights().get(i), sum);
    }
    return new SampleCounts(
        rows.size(), labelled ? trues(rows, 0) : null, labelled ? trues(rows, 1) : null, weights);
  }

  private static Long trues(List<List<@Nullable Object>> rows, int column) {
    return rows.stream().filter(row -> Boolean.TRUE.equals(row.get(column))).count();
  }

  /** The columns of the tensors in their order, then those of the keys. */
  public List<SampleColumn> columns() {
    Scope scope = plan.stage().scope();
    List<SampleColumn> columns = new ArrayList<>();
    for (Tensor tensor : plan.dataset().tensors()) {
      List<String> names =
          switch (tensor.columns()) {
            case Tensor.Columns.One one -> List.of(one.name());
            case Tensor.Columns.Many many -> scope.matching(many.patterns(), tensor.name());
          };
      for (String name : names) {
        columns.add(new SampleColumn(tensor.name(), name, scope.named(name, name).type()));
      }
    }
    for (String name : plan.dataset().keys()) {
      columns.add(new SampleColumn(null, name, scope.named(name, name).type()));
    }
    return columns;
  }

  /** The rows after the last step with {@link #columns} as text, the values of lists one by one. */
  public SplitQuery values() {
    Scope scope = plan.stage().scope();
    List<Binding> texts = new ArrayList<>();
    for (SampleColumn column : columns()) {
      Binding value = scope.named(column.name(), column.name());
      String type = column.list() ? "VARCHAR[]" : "VARCHAR";
      texts.add(value.derived("CAST((" + value.sql() + ") AS " + type + ")"));
    }
    return query(texts, Set.of());
  }
}
