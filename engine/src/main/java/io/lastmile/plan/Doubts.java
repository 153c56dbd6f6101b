package io.lastmile.plan;

import io.lastmile.dataset.Downsample;
import io.lastmile.dataset.Join;
import io.lastmile.dataset.Step;
import io.lastmile.error.Nearest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which columns are in doubt behind a step with a mistake that is kept. */
final class Doubts {
  private static final List<String> ANY = List.of("*");

  private Doubts() {}

  /** The scope behind a step that could not be compiled in a scope, or only in part. */
  static Scope after(Step step, Scope scope) {
    return switch (step) {
      case Step.Filter _, Step.SemiJoin _, Step.AntiJoin _ -> scope;
      case Step.Sample _, Step.Split _, Step.Limit _ -> scope;
      case Step.Upsample upsample -> scope.doubting(some(upsample.copy()));
      // Their columns are compiled, and doubted, one by one.
      case Step.Derive _, Step.Label _, Step.Weight _, Step.Cast _ -> scope;
      case Step.Select select -> scope.only(scope.meant(select.columns())).doubting(ANY);
      case Step.Drop drop ->
          scope.doubting(scope.meant(drop.columns())).doubting(meant(drop.columns(), scope));
      case Step.Rename rename ->
          scope
              .doubting(scope.meant(rename.names().stream().map(Step.Rename.Name::from).toList()))
              .doubting(rename.names().stream().map(Step.Rename.Name::to).toList());
      case Step.Truncate truncate -> scope.doubting(scope.meant(truncate.columns()));
      case Step.Explode explode ->
          scope.doubting(scope.meant(explode.columns())).doubting(some(explode.position()));
      case Step.Unread unread -> scope.doubting(unread.columns());
      case Join join ->
          scope.doubting(
              (join.select().isEmpty() ? ANY : join.select())
                  .stream().map(column -> join.prefix() + column).toList());
      case Downsample sample -> scope.doubting(some(sample.weight()));
    };
  }

  /** The columns that names with a typing error most likely mean. */
  private static List<String> meant(List<String> names, Scope scope) {
    return names.stream()
        .filter(name -> !scope.has(name))
        .flatMap(name -> some(Nearest.of(name, scope.columns().keySet())).stream())
        .toList();
  }

  private static List<String> some(@Nullable String name) {
    return name == null ? List.of() : List.of(name);
  }
}
