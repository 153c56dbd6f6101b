package io.lastmile.plan;

import io.lastmile.query.Session;
import io.lastmile.split.Split;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a dataset after its last step but a {@code limit}, as they are compared with those of
 * another. Its results are, in this order and never null: whether the row has a label and whether
 * that is positive, as BOOLEAN; each weight as DOUBLE; a hash of each compared column as 8 bytes.
 *
 * @param plan of the dataset
 * @param query of a split
 * @param label column; null: none
 * @param weights the columns that steps made as weights
 * @param columns that are compared
 */
public record RowQuery(
    DatasetPlan plan,
    SplitQuery query,
    @Nullable String label,
    List<String> weights,
    List<String> columns) {
  /** The results before those of the weights. */
  public static final int LABELS = 2;

  public RowQuery {
    weights = List.copyOf(weights);
    columns = List.copyOf(columns);
  }

  /** The type of each column of the tensors and the keys, by name, in their order. */
  public static Map<String, SampleColumn> columns(DatasetPlan plan, Session session) {
    Map<String, SampleColumn> columns = new LinkedHashMap<>();
    SampleQuery.of(plan, session, null)
        .columns()
        .forEach(column -> columns.putIfAbsent(column.name(), column));
    return columns;
  }

  /**
   * The type as which a column is compared that two datasets have as different ones: both as DOUBLE
   * when they are numbers, else both as text.
   */
  public static String common(SampleColumn one, SampleColumn other) {
    return Types.numeric(one.type()) && Types.numeric(other.type()) ? "DOUBLE" : "VARCHAR";
  }

  /**
   * A query.
   *
   * @param session that parses expressions
   * @param label as in {@link SampleQuery#of}
   * @param compared columns, and the SQL type as which each is compared; empty: its own
   */
  public static RowQuery of(
      DatasetPlan plan, Session session, @Nullable String label, Map<String, String> compared) {
    SampleQuery sample = SampleQuery.of(plan, session, label);
    Waypoint last = plan.stage().waypoints().getLast();
    Outputs sources = new Outputs();
    List<String> outputs = new ArrayList<>();
    SampleQuery.Label of = sample.label(last.scope());
    if (of == null) {
      outputs.addAll(List.of("false", "false"));
    } else {
      outputs.add("((" + of.known().sql() + ") IS NOT NULL)");
      outputs.add("coalesce((" + of.positive().sql() + "), false)");
      sources.sources().addAll(of.known().sources());
    }
    for (String name : last.weights()) {
      Binding weight = last.scope().named(name, name);
      outputs.add("coalesce(CAST((" + weight.sql() + ") AS DOUBLE), 0)");
      sources.sources().addAll(weight.sources());
    }
    compared.forEach((name, type) -> {
      Binding column = last.scope().named(name, name);
      String value = "(" + column.sql() + ")";
      outputs.add("hash(" + (type.isEmpty() ? value : "CAST(" + value + " AS " + type + ")") + ")");
      sources.sources().addAll(column.sources());
    });
    SplitQuery read = SplitQuery.of(sources, plan.stage(), plan.table().columns());
    return new RowQuery(
        plan,
        new SplitQuery(outputs, read.levels(), read.sources()),
        of == null ? null : sample.label(),
        last.weights(),
        List.copyOf(compared.keySet()));
  }

  /** The row identities of a split alone. */
  public String identities(Split split) {
    Outputs none = new Outputs();
    SplitQuery identities = SplitQuery.of(none, plan.stage(), plan.table().columns());
    return identities.sql(split);
  }

  /** A step in words. */
  public String text(int step) {
    String kind = plan.dataset().steps().get(step).kind();
    return StepText.of(plan.dataset().steps().get(step)).substring(kind.length() + 2);
  }
}
