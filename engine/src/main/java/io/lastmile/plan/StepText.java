package io.lastmile.plan;

import io.lastmile.dataset.Downsample;
import io.lastmile.dataset.Join;
import io.lastmile.dataset.JoinKey;
import io.lastmile.dataset.Keep;
import io.lastmile.dataset.SmallTable;
import io.lastmile.dataset.Step;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A step in words: its kind, a colon, and what it does. */
final class StepText {
  private StepText() {}

  static String of(Step step) {
    return step.kind() + ": " + said(step);
  }

  private static String said(Step step) {
    return switch (step) {
      case Step.Filter filter -> "keep where " + filter.condition();
      case Step.Derive derive ->
          joined(derive.columns(), "; ", column -> column.name() + " = " + column.expression());
      case Step.Select select -> String.join(", ", select.columns());
      case Step.Drop drop -> String.join(", ", drop.columns());
      case Step.Rename rename ->
          joined(rename.names(), ", ", name -> name.from() + " to " + name.to());
      case Step.Cast cast ->
          joined(cast.types(), ", ", type -> type.columns() + " to " + type.type());
      case Join join ->
          (join.select().isEmpty() ? "all columns" : String.join(", ", join.select()))
              + (join.prefix().isEmpty() ? "" : " as " + join.prefix() + "*")
              + " where "
              + keys(join.on())
              + " in "
              + table(join.table())
              + (join.how() == Join.How.LEFT ? ", else null" : ", else drop")
              + (join.match() == Join.Match.UNIQUE ? "" : ", first match");
      case Step.SemiJoin join -> "keep where " + keys(join.on()) + " in " + table(join.table());
      case Step.AntiJoin join -> "drop where " + keys(join.on()) + " in " + table(join.table());
      case Downsample sample -> downsample(sample);
      case Step.Sample sample -> "keep " + sample.keep() + " of all rows" + hash(sample.by());
      case Step.Split split ->
          "keep "
              + split.part()
              + " of "
              + joined(split.parts(), ", ", part -> part.name() + " " + part.share())
              + hash(split.by());
      case Step.Upsample upsample -> rows(upsample.where()) + " × " + upsample.repeat();
      case Step.Weight weight ->
          joined(weight.factors(), "; ", factor -> factor.name() + " × " + factor.expression());
      case Step.Label label -> joined(label.columns(), "; ", StepText::label);
      case Step.Explode explode ->
          "a row of each element of " + String.join(", ", explode.columns());
      case Step.Truncate truncate ->
          String.join(", ", truncate.columns())
              + " to the "
              + truncate.keep().word()
              + " "
              + truncate.length();
      case Step.Limit limit -> "end the epoch after " + Counted.of(limit.rows(), "row");
      case Step.Unread _ -> throw new IllegalStateException("a step with a mistake");
    };
  }

  private static <E> String joined(List<E> things, String between, Function<E, String> text) {
    return things.stream().map(text).collect(Collectors.joining(between));
  }

  private static String keys(List<JoinKey> on) {
    return joined(on, " and ", key -> key.left() + " = " + key.right());
  }

  /** A small table: its files, or how many values it has. */
  static String table(SmallTable table) {
    String place =
        switch (table.rows()) {
          case SmallTable.Stored stored -> String.join(", ", stored.source().paths());
          case SmallTable.Inline inline ->
              inline.columns().getFirst().values().size() + " values written here";
        };
    return table.filter() == null ? place : place + " (where " + table.filter() + ")";
  }

  private static String label(Step.Label.Rule label) {
    return label.name()
        + " = "
        + joined(label.classes(), ", ", each -> each.label() + " where " + each.condition())
        + ", else "
        + label.otherwise();
  }

  private static String rows(@Nullable String where) {
    return where == null ? "all rows" : "rows where " + where;
  }

  private static String hash(List<String> by) {
    return " by hash of " + (by.isEmpty() ? "the row identity" : String.join(", ", by));
  }

  private static String downsample(Downsample sample) {
    String factor =
        switch (sample.keep()) {
          case Keep.Share share -> "" + 1 / share.share();
          case Keep.PerRow perRow -> "1 / least(1, " + perRow.expression() + ")";
        };
    String weight = sample.weight() == null ? "" : "; " + sample.weight() + " × " + factor;
    return "keep " + sample.keep() + " of " + rows(sample.where()) + hash(sample.by()) + weight;
  }
}
