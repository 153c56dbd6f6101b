package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
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

  private final Checker checker;
  private final KeyTables keyTables;
  private final String dataset;
  private final long seed;
  private final List<DropStep> drops = new ArrayList<>();
  private Scope scope;

  StepCompiler(Checker checker, KeyTables keyTables, String dataset, long seed, Scope source) {
    this.checker = checker;
    this.keyTables = keyTables;
    this.dataset = dataset;
    this.seed = seed;
    this.scope = source;
  }

  Stage compile(List<Step> steps) {
    for (int number = 0; number < steps.size(); number++) {
      Step step = steps.get(number);
      add(number, step, dataset + ".steps[" + number + "]." + step.kind());
    }
    return new Stage(scope, List.copyOf(drops));
  }

  private void add(int number, Step step, String element) {
    switch (step) {
      case Step.Filter filter -> {
        Binding condition = condition(filter.condition(), element);
        drop(number, filter, condition.derived("(" + condition.sql() + ") IS NOT TRUE"));
      }
      case Step.Derive derive ->
          derive.columns().forEach(column -> derive(column, element + "." + column.name()));
      case Step.Select select -> scope = scope.only(scope.matching(select.columns(), element));
      case Step.Drop drop -> scope = scope.without(scope.matching(drop.columns(), element));
      case Step.AntiJoin join ->
          drop(number, join, keyTables.membership(join, number, scope, element));
      case Step.Downsample sample -> downsample(number, sample, element);
    }
  }

  private void drop(int number, Step step, Binding condition) {
    drops.add(new DropStep(number, step.kind(), condition.sql(), condition.sources()));
  }

  private Binding condition(String sql, String element) {
    Binding binding = checker.bind(sql, scope, element);
    if (!binding.type().equals(new ColumnType.Scalar(Kind.BOOLEAN))) {
      throw LastmileException.user(
          element,
          "Invalid condition: "
              + sql
              + " is "
              + binding.type().sql()
              + " (must be BOOLEAN, such as a comparison)");
    }
    return binding;
  }

  private void derive(Step.Derive.Column column, String element) {
    if (scope.has(column.name())) {
      throw LastmileException.user(
          element, "Invalid column name: \"" + column.name() + "\" (exists already)");
    }
    scope = scope.with(column.name(), checker.bind(column.expression(), scope, element));
  }

  private void downsample(int number, Step.Downsample sample, String element) {
    Binding sampled = sampled(sample.where(), element + ".where");
    List<Binding> keys = hashKeys(sample, element + ".by");
    String salt = sample.salt() == null ? sample.kind() : sample.salt();
    String unit =
        "lastmile_unit(%d, %s, CAST(%s AS BIGINT), %s)"
            .formatted(
                seed,
                Expressions.literal(salt),
                sample.resample() == Step.Resample.EACH_EPOCH ? EPOCH : "NULL",
                keys.stream().map(Binding::sql).collect(Collectors.joining(", ")));
    Set<String> sources = new LinkedHashSet<>(sampled.sources());
    keys.forEach(key -> sources.addAll(key.sources()));
    if (Float.isInfinite((float) (1 / sample.keep()))) {
      throw LastmileException.user(
          element + ".keep",
          "Invalid keep: " + sample.keep() + " (the weight 1/keep must fit float32)");
    }
    String drawn = unit + " >= CAST(" + sample.keep() + " AS DOUBLE)";
    String condition = sample.keep() == 1 ? "FALSE" : sampled.sql() + " AND " + drawn;
    drops.add(new DropStep(number, sample.kind(), condition, sources));
    if (sample.weight() != null) {
      weigh(sample.weight(), sampled, sample.keep(), element + ".weight");
    }
  }

  private Binding sampled(@Nullable String where, String element) {
    if (where == null) {
      return new Binding("TRUE", new ColumnType.Scalar(Kind.BOOLEAN), null, Set.of());
    }
    Binding condition = condition(where, element);
    return condition.derived("(" + condition.sql() + ") IS TRUE");
  }

  private List<Binding> hashKeys(Step.Downsample sample, String element) {
    if (sample.by().isEmpty()) {
      return List.of(SplitQuery.IDENTITY_PATH, SplitQuery.IDENTITY_NUMBER);
    }
    List<Binding> keys = new ArrayList<>();
    for (String name : scope.matching(sample.by(), element)) {
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

  private void weigh(String name, Binding sampled, double keep, String element) {
    String factor =
        "CASE WHEN "
            + sampled.sql()
            + " THEN CAST("
            + 1 / keep
            + " AS FLOAT) ELSE CAST(1 AS FLOAT) END";
    Set<String> sources = new LinkedHashSet<>(sampled.sources());
    if (scope.has(name)) {
      Binding existing = scope.named(name, element);
      if (!Types.numeric(existing.type())) {
        throw LastmileException.user(
            element,
            "Invalid weight: \"" + name + "\" is " + existing.type().sql() + " (must be a number)");
      }
      factor = "CAST((" + existing.sql() + ") AS FLOAT) * " + factor;
      sources.addAll(existing.sources());
    }
    scope = scope.with(name, new Binding(factor, new ColumnType.Scalar(Kind.FLOAT), null, sources));
  }
}
