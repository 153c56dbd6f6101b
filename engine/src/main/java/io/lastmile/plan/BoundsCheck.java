package io.lastmile.plan;

import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Conjunct.Comparison;
import io.lastmile.query.Conjunct.Constant;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.source.ColumnStatistics;
import io.lastmile.source.ColumnStatistics.Family;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableColumn;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the row groups in which a comparison of a column with constants is TRUE for no row, from
 * the bounds and the nulls that their statistics tell. The engine compares the bounds with the
 * constants, so that it is the comparison of the rows. One thread.
 */
final class BoundsCheck {
  /** Row groups that one query looks at. */
  private static final int AT_ONCE = 500;

  private static final String NAN = "'NaN'";

  private final Session session;
  private final Comparison comparison;
  private final TableColumn column;

  BoundsCheck(Session session, Comparison comparison, TableColumn column) {
    this.session = session;
    this.comparison = comparison;
    this.column = column;
  }

  /** Those of the row groups that hold no row for which the comparison is TRUE. */
  Set<RowGroup> hopeless(List<RowGroup> groups) {
    Set<RowGroup> hopeless = new LinkedHashSet<>();
    List<RowGroup> open = new ArrayList<>();
    for (RowGroup group : groups) {
      ColumnStatistics known = group.statistics().get(column.name());
      Long nulls = known == null ? null : known.nulls();
      switch (comparison.operator()) {
        case IS_NULL -> {
          if (nulls != null && nulls == 0) {
            hopeless.add(group);
          }
        }
        case IS_NOT_NULL, EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL, BETWEEN, IN -> {
          if (nulls != null && nulls == group.rows()) {
            hopeless.add(group);
          } else if (known != null && known.bounded() && family() == known.family()) {
            open.add(group);
          }
        }
      }
    }
    hopeless.addAll(outOfBounds(open));
    return hopeless;
  }

  private Set<RowGroup> outOfBounds(List<RowGroup> groups) {
    if (groups.isEmpty() || comparison.constants().isEmpty()) {
      return Set.of();
    }
    try {
      if (!comparable() || (isFloating() && !reached(List.of(bounds(NAN, NAN))).isEmpty())) {
        return Set.of();
      }
      Set<RowGroup> out = new HashSet<>(groups);
      for (int from = 0; from < groups.size(); from += AT_ONCE) {
        List<RowGroup> some = groups.subList(from, Math.min(from + AT_ONCE, groups.size()));
        List<String> bounds = some.stream().map(this::bounds).toList();
        reached(bounds).forEach(index -> out.remove(some.get(index)));
      }
      return out;
    } catch (QueryException _) {
      return Set.of();
    }
  }

  private String bounds(RowGroup group) {
    ColumnStatistics known = Objects.requireNonNull(group.statistics().get(column.name()));
    return bounds(Objects.requireNonNull(known.min()), Objects.requireNonNull(known.max()));
  }

  private String bounds(String min, String max) {
    return typed(min) + ", " + typed(max);
  }

  /** A bound in the type of the column; a decimal has its type, strings are compared as bytes. */
  private String typed(String bound) {
    return kind() == Kind.DECIMAL || family() == Family.BYTES
        ? bound
        : "CAST(" + bound + " AS " + column.type().sql() + ")";
  }

  /** The indices of those bounds between which some value may make the comparison TRUE. */
  private Set<Integer> reached(List<String> bounds) {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < bounds.size(); i++) {
      rows.append(i == 0 ? "" : ", ").append('(').append(i).append(", ").append(bounds.get(i));
      rows.append(')');
    }
    Set<Integer> reached = new HashSet<>();
    for (List<@Nullable Object> row :
        session.rows(
            "SELECT place FROM (VALUES %s) AS bounds(place, low, high) WHERE (%s) IS TRUE"
                .formatted(rows, condition()))) {
      reached.add(Math.toIntExact((Long) row.getFirst()));
    }
    return reached;
  }

  private String condition() {
    List<String> constants = comparison.constants().stream().map(this::constant).toList();
    String first = constants.getFirst();
    return switch (comparison.operator()) {
      case EQUAL -> between(first, first);
      case LESS -> "low < " + first;
      case LESS_OR_EQUAL -> "low <= " + first;
      case GREATER -> "high > " + first;
      case GREATER_OR_EQUAL -> "high >= " + first;
      case BETWEEN -> between(first, constants.getLast());
      case IN -> String.join(" OR ", constants.stream().map(each -> between(each, each)).toList());
      case IS_NULL, IS_NOT_NULL -> "TRUE";
    };
  }

  private static String between(String from, String to) {
    return "(high >= " + from + " AND low <= " + to + ")";
  }

  private String constant(Constant constant) {
    return kind() == Kind.VARCHAR ? "encode(" + constant.sql() + ")" : "(" + constant.sql() + ")";
  }

  /** Whether the constants are ordered as the column is. */
  private boolean comparable() {
    for (Constant constant : comparison.constants()) {
      boolean takesType = constant.untyped() && kind() != Kind.BLOB;
      if (!takesType) {
        ColumnType type =
            session.describe("SELECT (" + constant.sql() + ") AS value").getFirst().type();
        boolean same =
            family(type) == family() && (kind(type) == Kind.VARCHAR) == (kind() == Kind.VARCHAR);
        if (!same) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean isFloating() {
    return kind() == Kind.FLOAT || kind() == Kind.DOUBLE;
  }

  private @Nullable Kind kind() {
    return kind(column.type());
  }

  private @Nullable Family family() {
    return family(column.type());
  }

  private static @Nullable Kind kind(ColumnType type) {
    return type instanceof ColumnType.Scalar scalar ? scalar.kind() : null;
  }

  private static @Nullable Family family(ColumnType type) {
    Kind kind = kind(type);
    return switch (kind) {
      case null -> null;
      case BOOLEAN -> Family.BOOLEAN;
      case TINYINT,
          SMALLINT,
          INTEGER,
          BIGINT,
          UTINYINT,
          USMALLINT,
          UINTEGER,
          UBIGINT,
          HUGEINT,
          FLOAT,
          DOUBLE,
          DECIMAL ->
          Family.NUMBER;
      case DATE,
          TIMESTAMP,
          TIMESTAMP_S,
          TIMESTAMP_MS,
          TIMESTAMP_NS,
          TIMESTAMP_TZ,
          TIMESTAMP_TZ_NS ->
          Family.TIME;
      case VARCHAR, BLOB -> Family.BYTES;
      case TIME -> null;
    };
  }
}
