package io.lastmile.plan;

import io.lastmile.dataset.Downsample;
import io.lastmile.dataset.Join;
import io.lastmile.dataset.JoinKey;
import io.lastmile.dataset.Keep;
import io.lastmile.dataset.Step;
import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The columns whose values a step uses; those that it only names or leaves out are not in it. */
final class StepColumns {
  private final Session session;
  private final Scope scope;

  private StepColumns(Session session, Scope scope) {
    this.session = session;
    this.scope = scope;
  }

  /**
   * Names of columns of a scope that a step uses, each once, in the order of the step.
   *
   * @param step that has been compiled in this scope
   * @param scope the columns before it
   * @param session that parses its expressions
   */
  static List<String> of(Step step, Scope scope, Session session) {
    return new StepColumns(session, scope).used(step).distinct().toList();
  }

  private Stream<String> used(Step step) {
    return switch (step) {
      case Step.Filter filter -> expression(filter.condition());
      case Step.Derive derive ->
          derive.columns().stream().flatMap(column -> expression(column.expression()));
      case Step.Label label ->
          label.columns().stream()
              .flatMap(column -> column.classes().stream())
              .flatMap(each -> expression(each.condition()));
      case Step.Weight weight ->
          weight.factors().stream().flatMap(factor -> expression(factor.expression()));
      case Step.Cast cast ->
          cast.types().stream().flatMap(type -> matching(List.of(type.columns())));
      case Step.Truncate truncate -> matching(truncate.columns());
      case Step.Explode explode -> matching(explode.columns());
      case Join join -> keys(join.on());
      case Step.SemiJoin join -> keys(join.on());
      case Step.AntiJoin join -> keys(join.on());
      case Downsample sample ->
          Stream.of(
                  expression(sample.where()),
                  sample.keep() instanceof Keep.PerRow perRow
                      ? expression(perRow.expression())
                      : Stream.<String>empty(),
                  matching(sample.by()))
              .flatMap(names -> names);
      case Step.Sample sample -> matching(sample.by());
      case Step.Split split -> matching(split.by());
      case Step.Upsample upsample -> expression(upsample.where());
      case Step.Select _, Step.Drop _, Step.Rename _, Step.Limit _, Step.Unread _ -> Stream.empty();
    };
  }

  /** A column of an expression may be one that the step itself has made before. */
  private Stream<String> expression(@Nullable String sql) {
    return sql == null
        ? Stream.empty()
        : Expressions.parse(session, sql).columns().stream().flatMap(use -> named(use.name()));
  }

  private Stream<String> keys(List<JoinKey> on) {
    return on.stream().flatMap(key -> named(key.left()));
  }

  private Stream<String> matching(List<String> patterns) {
    return scope.matching(patterns, "columns").stream();
  }

  private Stream<String> named(String name) {
    return scope.has(name)
        ? Stream.of(name)
        : scope.columns().keySet().stream().filter(name::equalsIgnoreCase);
  }
}
