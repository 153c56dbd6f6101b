package io.lastmile.plan;

import io.lastmile.dataset.Downsample;
import io.lastmile.dataset.Join;
import io.lastmile.dataset.JoinKey;
import io.lastmile.dataset.SmallTable;
import io.lastmile.dataset.Step;
import io.lastmile.error.FollowUpException;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import io.lastmile.query.Lookup;
import io.lastmile.source.ParquetTable;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Turns the steps of a dataset into a stage. Used once, by one thread. */
final class StepCompiler {
  /**
   * Stands for the epoch in the SQL of a step that draws anew each epoch; no text of a user's has a
   * NUL, which ends the SQL.
   */
  static final String EPOCH = "\0epoch\0";

  /** Each copy step has an equal share of the bits of a copy number, these at least. */
  private static final int MOST_COPY_STEPS = 3;

  private final SmallTables smallTables;
  private final Mistakes mistakes;
  private final String dataset;
  private final Sampling sampling;
  private final List<ParquetTable> tables = new ArrayList<>();
  private final List<SmallTableSize> sizes = new ArrayList<>();
  private final List<Level> levels = new ArrayList<>();
  private final List<Waypoint> waypoints = new ArrayList<>();
  private final Set<Binding> weights = new HashSet<>();
  private List<DropStep> drops = new ArrayList<>();
  private @Nullable Limit limit;
  private Checker checker;
  private Scope scope;

  StepCompiler(
      Checker checker,
      SmallTables smallTables,
      Mistakes mistakes,
      String dataset,
      long seed,
      Scope source) {
    this.checker = checker;
    this.mistakes = mistakes;
    this.smallTables = smallTables;
    this.dataset = dataset;
    this.sampling = new Sampling(seed);
    this.scope = source;
  }

  Stage compile(List<Step> steps) {
    waypoints.add(new Waypoint(0, 0, scope, List.of()));
    for (int number = 0; number < steps.size(); number++) {
      int at = number;
      Step step = steps.get(number);
      String element = dataset + ".steps[" + number + "]." + step.kind();
      if (!mistakes.attempt(() -> add(at, step, element))) {
        scope = Doubts.after(step, scope);
      }
      waypoints.add(new Waypoint(levels.size(), drops.size(), scope, weightColumns()));
    }
    levels.add(new Level(drops, null));
    return new Stage(scope, levels, limit, waypoints);
  }

  /** The columns that hold a weight, also under another name or type than it was made with. */
  private List<String> weightColumns() {
    List<String> before = waypoints.getLast().weights();
    return scope.columns().entrySet().stream()
        .filter(column -> before.contains(column.getKey()) || weights.contains(column.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The files of the small tables. */
  List<ParquetTable> tables() {
    return List.copyOf(tables);
  }

  /** The small tables in memory. */
  List<SmallTableSize> sizes() {
    return List.copyOf(sizes);
  }

  private void add(int number, Step step, String element) {
    switch (step) {
      case Step.Filter filter -> {
        Binding condition = checker.condition(filter.condition(), scope, element);
        drop(
            number,
            step,
            condition.derived("(" + condition.sql() + ") IS NOT TRUE"),
            DropReason.notTrue(filter.condition(), condition));
      }
      case Step.Derive derive ->
          derive.columns().forEach(column -> derive(column.name(), column.expression(), element));
      case Step.Unread _ -> throw new FollowUpException();
      case Step.Label label ->
          label.columns().forEach(column -> derive(column.name(), cases(column), element));
      case Step.Select select -> scope = scope.only(scope.matching(select.columns(), element));
      case Step.Drop drop -> scope = scope.without(scope.matching(drop.columns(), element));
      case Step.Rename rename -> scope = scope.renamed(rename.names(), element);
      case Step.Cast cast -> cast.types().forEach(type -> cast(type, element));
      case Step.Truncate truncate -> truncate(truncate, element + ".columns");
      case Step.Weight weight ->
          weight
              .factors()
              .forEach(factor ->
                  columns(
                      List.of(factor.name()), () -> weight(factor, element + "." + factor.name())));
      case Join join -> join(number, join, element);
      case Step.SemiJoin join ->
          drop(
              number,
              step,
              member(number, join.table(), join.on(), element).missing(),
              DropReason.missing(joinKeys(join.on(), element), join.table()));
      case Step.AntiJoin join ->
          drop(
              number,
              step,
              member(number, join.table(), join.on(), element).there(),
              DropReason.there(joinKeys(join.on(), element), join.table()));
      case Downsample sample -> downsample(number, sample, element);
      case Step.Sample sample -> sample(number, sample, element + ".by");
      case Step.Split split -> split(number, split, element + ".by");
      case Step.Upsample upsample -> upsample(number, upsample, element);
      case Step.Explode explode -> explode(number, explode, element);
      case Step.Limit last -> limit = new Limit(number, last.rows());
    }
  }

  private void drop(int number, Step step, Binding condition, String why) {
    drops.add(new DropStep(number, step.kind(), condition.sql(), why, condition.sources()));
  }

  /** The columns of the dataset that a join compares, by name. */
  private Map<String, Binding> joinKeys(List<JoinKey> on, String element) {
    Map<String, Binding> keys = new LinkedHashMap<>();
    on.forEach(key -> keys.put(key.left(), scope.named(key.left(), element + ".on")));
    return keys;
  }

  private void derive(String name, String expression, String element) {
    columns(
        List.of(name),
        () -> {
          checkNew(name, element + "." + name, "");
          scope = scope.with(name, checker.bind(expression, scope, element + "." + name));
        });
  }

  /** Makes columns, which are in doubt where that has a mistake that is kept. */
  private void columns(List<String> names, Runnable action) {
    if (!mistakes.attempt(action)) {
      scope = scope.doubting(names);
    }
  }

  private void checkNew(String name, String element, String remedy) {
    if (scope.has(name)) {
      throw LastmileException.user(
          element, "Invalid column name: \"" + name + "\" (exists already" + remedy + ")");
    }
  }

  private String cases(Step.Label.Rule label) {
    StringBuilder sql = new StringBuilder("CASE");
    for (Step.Label.Case each : label.classes()) {
      sql.append(" WHEN (").append(each.condition()).append("\n) THEN ").append(each.label());
    }
    return sql.append(" ELSE ").append(label.otherwise()).append(" END").toString();
  }

  private void cast(Step.Cast.Type type, String element) {
    columns(scope.meant(List.of(type.columns())), () -> castColumns(type, element));
  }

  private void castColumns(Step.Cast.Type type, String element) {
    String at = element + "." + type.columns();
    for (String name : scope.matching(List.of(type.columns()), at)) {
      Integer fixed = scope.named(name, at).fixedLength();
      String sql = "CAST(" + Expressions.quote(name) + " AS " + type.type() + ")";
      Binding cast = checker.bind(sql, scope, at);
      boolean list = cast.type() instanceof ColumnType.ListOf;
      scope =
          scope.with(
              name, new Binding(cast.sql(), cast.type(), list ? fixed : null, cast.sources()));
    }
  }

  private void truncate(Step.Truncate truncate, String element) {
    for (String name : scope.matching(truncate.columns(), element)) {
      Binding list = list(name, element);
      String part =
          truncate.keep() == Step.End.FIRST
              ? "[:" + truncate.length() + "]"
              : "[-" + truncate.length() + ":]";
      scope = scope.with(name, elements(list).derived("(" + elements(list).sql() + ")" + part));
    }
  }

  private Binding list(String name, String element) {
    Binding list = scope.named(name, element);
    if (list.type() instanceof ColumnType.ListOf || list.type() instanceof ColumnType.ArrayOf) {
      return list;
    }
    throw LastmileException.user(
        element, "Invalid column: \"" + name + "\" is " + list.type().sql() + " (must be a list)");
  }

  /** A list of any length of the elements of a list or an array. */
  private static Binding elements(Binding list) {
    return list.type() instanceof ColumnType.ArrayOf(ColumnType element, int _)
        ? new Binding(
            "CAST((" + list.sql() + ") AS " + element.sql() + "[])",
            new ColumnType.ListOf(element),
            null,
            list.sources())
        : new Binding(list.sql(), list.type(), null, list.sources());
  }

  private void weight(Step.Derive.Column factor, String element) {
    Binding value = checker.bind(factor.expression(), scope, element);
    if (!Types.numeric(value.type())) {
      throw LastmileException.user(
          element,
          "Invalid weight: "
              + factor.expression()
              + " is "
              + value.type().sql()
              + " (must be a number)");
    }
    weigh(factor.name(), value.derived("CAST((" + value.sql() + ") AS FLOAT)"), element);
  }

  private SmallTables.Found member(int number, SmallTable table, List<JoinKey> on, String element) {
    SmallTables.Opened opened = open(table, element);
    return sized(number, smallTables.find(opened, on, List.of(), false, scope, element));
  }

  private SmallTables.Found sized(int number, SmallTables.Found found) {
    sizes.add(new SmallTableSize(number, found.lookup().rows(), found.lookup().bytes()));
    return found;
  }

  private SmallTables.Opened open(SmallTable table, String element) {
    SmallTables.Opened opened = smallTables.open(table, element);
    if (opened.files() != null) {
      tables.add(opened.files());
    }
    return opened;
  }

  private void join(int number, Join join, String element) {
    SmallTables.Opened table = open(join.table(), element);
    Map<String, Binding> mine = joinKeys(join.on(), element);
    List<String> keys = join.on().stream().map(JoinKey::right).toList();
    List<String> columns =
        join.select().isEmpty()
            ? table.scope().columns().keySet().stream()
                .filter(name -> !keys.contains(name))
                .toList()
            : table.scope().matching(join.select(), element + ".select");
    for (String column : columns) {
      checkNew(join.prefix() + column, element + ".select", "; give the join a prefix");
      ColumnType type = table.scope().named(column, element).type();
      if (!Lookup.stores(type)) {
        throw LastmileException.user(
            element + ".select",
            "Invalid column: \"%s\" is %s (select others)".formatted(column, type.sql()));
      }
    }
    SmallTables.Found found =
        sized(
            number,
            smallTables.find(
                table, join.on(), columns, join.match() == Join.Match.UNIQUE, scope, element));
    for (int i = 0; i < columns.size(); i++) {
      String column = columns.get(i);
      Binding taken =
          new Binding(
              found.lookup().take(i, found.number()),
              table.scope().named(column, element).type(),
              table.fixedLength(column),
              found.sources());
      scope = scope.with(join.prefix() + column, taken);
    }
    if (join.how() == Join.How.INNER) {
      drop(number, join, found.missing(), DropReason.missing(mine, join.table()));
    }
  }

  private void downsample(int number, Downsample sample, String element) {
    Binding sampled = where(sample.where(), element + ".where");
    Binding unit =
        sampling.unit(
            Objects.requireNonNull(sample.salt()),
            sample.resample(),
            keys(sample.by(), element + ".by"));
    Binding keep = sampling.keep(sample.keep(), checker, scope, element + ".keep");
    Set<String> sources = new LinkedHashSet<>(sampled.sources());
    sources.addAll(unit.sources());
    sources.addAll(keep.sources());
    String drawn = keep.sql().equals("1.0") ? "FALSE" : unit.sql() + " >= " + keep.sql();
    drops.add(
        new DropStep(
            number,
            sample.kind(),
            drawn.equals("FALSE") ? drawn : sampled.sql() + " AND " + drawn,
            DropReason.aboveKeep(unit, keep.sql()),
            sources));
    if (sample.weight() != null) {
      String factor =
          "CASE WHEN "
              + sampled.sql()
              + " THEN "
              + sampling.weight(sample.keep(), keep)
              + " ELSE CAST(1 AS FLOAT) END";
      Set<String> read = new LinkedHashSet<>(sampled.sources());
      read.addAll(keep.sources());
      Binding weight = new Binding(factor, new ColumnType.Scalar(Kind.FLOAT), null, read);
      weigh(sample.weight(), weight, element + ".weight");
    }
  }

  private void sample(int number, Step.Sample sample, String element) {
    Binding unit = sampling.unit(sample.salt(), sample.resample(), keys(sample.by(), element));
    String keep = "CAST(" + sample.keep() + " AS DOUBLE)";
    String drawn = sample.keep() == 1 ? "FALSE" : unit.sql() + " >= " + keep;
    drop(number, sample, unit.derived(drawn), DropReason.aboveKeep(unit, keep));
  }

  private void split(int number, Step.Split split, String element) {
    Binding unit = sampling.unit(split.salt(), Step.Resample.ONCE, keys(split.by(), element));
    Step.Split.Range range = split.range();
    String below = unit.sql() + " < CAST(" + range.low() + " AS DOUBLE)";
    String above = unit.sql() + " >= CAST(" + range.high() + " AS DOUBLE)";
    drop(
        number,
        split,
        unit.derived(Double.isInfinite(range.high()) ? below : below + " OR " + above),
        DropReason.otherPart(unit, split));
  }

  private Binding where(@Nullable String where, String element) {
    if (where == null) {
      return new Binding("TRUE", new ColumnType.Scalar(Kind.BOOLEAN), null, Set.of());
    }
    Binding condition = checker.condition(where, scope, element);
    return condition.derived("(" + condition.sql() + ") IS TRUE");
  }

  /** The key columns of a hash; the row identity where there are none. */
  private List<Binding> keys(List<String> by, String element) {
    if (by.isEmpty()) {
      List<Binding> identity = new ArrayList<>();
      identity.add(SplitQuery.IDENTITY_PATH);
      identity.add(SplitQuery.IDENTITY_NUMBER);
      for (int level = 0; level < levels.size(); level++) {
        identity.add(SplitQuery.copyNumber(level));
      }
      return identity;
    }
    List<Binding> keys = new ArrayList<>();
    for (String name : scope.matching(by, element)) {
      Binding key = scope.named(name, element);
      if (!Types.hashable(key.type())) {
        throw LastmileException.user(
            element,
            "Invalid key: \""
                + name
                + "\" is "
                + key.type().sql()
                + " (must be an integer, string, bytes, boolean, date or timestamp)");
      }
      keys.add(key);
    }
    return keys;
  }

  /** Multiplies a weight column by a float32 factor; makes it where it does not exist. */
  private void weigh(String name, Binding factor, String element) {
    String product = factor.sql();
    Set<String> sources = new LinkedHashSet<>(factor.sources());
    if (scope.has(name)) {
      Binding existing = scope.named(name, element);
      if (!Types.numeric(existing.type())) {
        throw LastmileException.user(
            element,
            "Invalid weight: \"" + name + "\" is " + existing.type().sql() + " (must be a number)");
      }
      product = "CAST((" + existing.sql() + ") AS FLOAT) * " + product;
      sources.addAll(existing.sources());
    }
    Binding weight = new Binding(product, new ColumnType.Scalar(Kind.FLOAT), null, sources);
    weights.add(weight);
    scope = scope.with(name, weight);
  }

  private void upsample(int number, Step.Upsample upsample, String element) {
    Binding where = where(upsample.where(), element + ".where");
    String count = "CASE WHEN " + where.sql() + " THEN " + upsample.repeat() + " ELSE 1 END";
    copy(new CopyStep(number, upsample.kind(), count, Map.of(), where.sources()), element);
    numbered(upsample.copy(), element + ".copy");
  }

  /** Adds a column with the copy number that the last step gave; null: none. */
  private void numbered(@Nullable String column, String element) {
    if (column != null) {
      checkNew(column, element, "");
      scope = scope.with(column, SplitQuery.copyNumber(levels.size() - 1));
    }
  }

  private void explode(int number, Step.Explode explode, String element) {
    String at = element + ".columns";
    List<String> names = scope.matching(explode.columns(), at);
    Map<String, String> elements = new LinkedHashMap<>();
    Map<String, Binding> exploded = new LinkedHashMap<>();
    Set<String> sources = new LinkedHashSet<>();
    List<String> lengths = new ArrayList<>();
    for (String name : names) {
      Binding list = elements(list(name, at));
      String column = SplitQuery.element(levels.size(), elements.size());
      elements.put(column, list.sql());
      sources.addAll(list.sources());
      lengths.add("coalesce(len(" + list.sql() + "), 0)");
      ColumnType type = ((ColumnType.ListOf) list.type()).element();
      exploded.put(name, new Binding(column, type, null, Set.of()));
    }
    String length = lengths.getFirst();
    String unequal =
        lengths.stream()
            .skip(1)
            .map(other -> other + " <> " + length)
            .collect(Collectors.joining(" OR "));
    String checked =
        unequal.isEmpty()
            ? length
            : "CASE WHEN "
                + unequal
                + " THEN error("
                + Expressions.literal(
                    "explode: " + String.join(", ", names) + " have different lengths")
                + ") ELSE "
                + length
                + " END";
    drops.add(
        new DropStep(
            number,
            explode.kind(),
            "(" + checked + ") = 0",
            DropReason.noElement(names.getFirst(), scope.named(names.getFirst(), at)),
            sources));
    copy(new CopyStep(number, explode.kind(), length, elements, sources), element);
    exploded.forEach((name, binding) -> scope = scope.with(name, binding));
    numbered(explode.position(), element + ".position");
  }

  private void copy(CopyStep step, String place) {
    if (levels.size() == MOST_COPY_STEPS) {
      throw LastmileException.user(
          place,
          "More than %d steps that make several rows of one (explode, upsample)"
              .formatted(MOST_COPY_STEPS));
    }
    checker = checker.seeing(SplitQuery.copyNumber(levels.size()).sql(), "CAST(0 AS BIGINT)");
    for (Map.Entry<String, String> element : step.elements().entrySet()) {
      checker = checker.seeing(element.getKey(), "(" + element.getValue() + ")[1]");
    }
    levels.add(new Level(drops, step));
    drops = new ArrayList<>();
  }
}
