package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.query.Conjunct;
import io.lastmile.query.Conjuncts;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.Selection;
import io.lastmile.source.TableColumn;
import io.lastmile.source.TableFile;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Leaves out the files and row groups of which the leading filters of a dataset would keep no row.
 * The rule is that of docs/guarantees.md: it decides the row sequence. Used for one dataset, by one
 * thread.
 */
final class Pruning {
  private final Session session;
  private final List<Conjunct> conjuncts;
  private final Set<String> by = new LinkedHashSet<>();

  private Pruning(Session session, List<Conjunct> conjuncts) {
    this.session = session;
    this.conjuncts = conjuncts;
  }

  /**
   * The pruning that the filters before any other step allow; select and drop, which change no
   * value, and derive may stand between them.
   */
  static Pruning of(Session session, List<Step> steps) {
    List<Conjunct> conjuncts = new ArrayList<>();
    Set<String> derived = new HashSet<>();
    for (Step step : steps) {
      if (step instanceof Step.Filter filter) {
        conjuncts(session, filter.condition()).stream()
            .filter(conjunct ->
                conjunct.columns().stream().map(Pruning::lower).noneMatch(derived::contains))
            .forEach(conjuncts::add);
      } else if (step instanceof Step.Derive derive) {
        derive.columns().forEach(column -> derived.add(lower(column.name())));
      } else if (!(step instanceof Step.Select || step instanceof Step.Drop)) {
        break;
      }
    }
    return new Pruning(session, conjuncts);
  }

  /** None of a condition that is wrong: its step says so. */
  private static List<Conjunct> conjuncts(Session session, String condition) {
    try {
      return Conjuncts.of(session, condition);
    } catch (QueryException _) {
      return List.of();
    }
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  /** What of the table is looked at. */
  Selection selection() {
    Set<String> compared =
        conjuncts.stream()
            .map(Conjunct::comparison)
            .filter(comparison -> comparison != null)
            .map(Conjunct.Comparison::column)
            .collect(Collectors.toSet());
    return new Selection(this::partitions, compared);
  }

  /** The partitions for which every condition on partitions alone is TRUE, or fails. */
  private Set<List<String>> partitions(List<TableColumn> columns, Set<List<String>> tuples) {
    Set<String> names =
        columns.stream().map(column -> lower(column.name())).collect(Collectors.toSet());
    Set<List<String>> kept = tuples;
    for (Conjunct conjunct : conjuncts) {
      List<String> used = conjunct.columns().stream().map(Pruning::lower).toList();
      if (!used.isEmpty() && names.containsAll(used)) {
        Set<List<String>> left = new LinkedHashSet<>(kept);
        left.removeIf(tuple -> !mayKeep(conjunct, columns, tuple));
        note(conjunct, left.size() < kept.size());
        kept = left;
      }
    }
    return kept;
  }

  private boolean mayKeep(Conjunct conjunct, List<TableColumn> columns, List<String> tuple) {
    List<String> values = new ArrayList<>();
    for (int i = 0; i < tuple.size(); i++) {
      values.add(tuple.get(i) + " AS " + Expressions.quote(columns.get(i).name()));
    }
    try {
      List<List<@Nullable Object>> rows =
          session.rows(
              "SELECT (%s\n) IS TRUE FROM (SELECT %s) AS folders"
                  .formatted(conjunct.sql(), String.join(", ", values)));
      return Boolean.TRUE.equals(rows.getFirst().getFirst());
    } catch (QueryException _) {
      return true;
    }
  }

  private void note(Conjunct conjunct, boolean pruned) {
    if (pruned) {
      by.add(Expressions.shown(conjunct.sql()));
    }
  }

  /**
   * The table without the row groups in which, by the statistics of their file, some condition is
   * TRUE for no row.
   */
  ParquetTable rowGroups(ParquetTable table) {
    Map<TableFile, List<RowGroup>> left = new LinkedHashMap<>();
    table.files().forEach(file -> left.put(file, file.rowGroups()));
    for (Conjunct conjunct : conjuncts) {
      Conjunct.Comparison comparison = conjunct.comparison();
      TableColumn column = comparison == null ? null : column(comparison, table);
      if (comparison != null && column != null) {
        prune(conjunct, new BoundsCheck(session, comparison, column), left);
      }
    }
    List<TableFile> files = new ArrayList<>();
    left.forEach((file, groups) -> {
      if (file.rowGroups().isEmpty() || !groups.isEmpty()) {
        files.add(file.only(groups));
      }
    });
    return table.only(files.isEmpty() ? List.of(table.files().getFirst().only(List.of())) : files);
  }

  private void prune(Conjunct conjunct, BoundsCheck check, Map<TableFile, List<RowGroup>> left) {
    List<RowGroup> all = left.values().stream().flatMap(List::stream).distinct().toList();
    Set<RowGroup> hopeless = check.hopeless(all);
    note(conjunct, !hopeless.isEmpty());
    left.replaceAll(
        (file, groups) -> groups.stream().filter(group -> !hopeless.contains(group)).toList());
  }

  /** The column of the table, as a step would find it. */
  private static @Nullable TableColumn column(Conjunct.Comparison comparison, ParquetTable table) {
    List<TableColumn> alike =
        table.columns().stream()
            .filter(column -> column.name().equalsIgnoreCase(comparison.column()))
            .toList();
    return alike.size() == 1 ? alike.getFirst() : null;
  }

  /**
   * What was left out.
   *
   * @param opened the table before its row groups were pruned
   * @param left after that
   */
  Pruned pruned(ParquetTable opened, ParquetTable left) {
    boolean isEmpty = left.files().stream().allMatch(file -> file.rowGroups().isEmpty());
    long before = opened.files().stream().mapToLong(file -> file.rowGroups().size()).sum();
    long after = left.files().stream().mapToLong(file -> file.rowGroups().size()).sum();
    boolean all = isEmpty && !by.isEmpty();
    return new Pruned(
        all ? left.found() : left.found() - left.files().size(),
        before - after,
        opened.rows() - left.rows(),
        List.copyOf(by));
  }
}
