package io.lastmile.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The result columns of a split's query: equal SQL is computed once. */
final class Outputs {
  private final Map<String, Integer> indices = new LinkedHashMap<>();
  private final Set<String> sources = new LinkedHashSet<>();

  /** Index of the result column with this SQL. */
  int add(String sql, Set<String> read) {
    sources.addAll(read);
    return indices.computeIfAbsent(sql, any -> indices.size());
  }

  List<String> sql() {
    return new ArrayList<>(indices.keySet());
  }

  Set<String> sources() {
    return sources;
  }
}
