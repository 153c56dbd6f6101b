package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** The columns that a step or a tensor can see, in order. Immutable: each change is a new scope. */
final class Scope {
  private final Map<String, Binding> columns;

  Scope(Map<String, Binding> columns) {
    this.columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
  }

  Map<String, Binding> columns() {
    return columns;
  }

  boolean has(String name) {
    return columns.containsKey(name);
  }

  /** This scope with a column more, or another meaning of one that exists. */
  Scope with(String name, Binding binding) {
    Map<String, Binding> more = new LinkedHashMap<>(columns);
    more.put(name, binding);
    return new Scope(more);
  }

  /** This scope with only these columns, in the order they are named. */
  Scope only(List<String> names) {
    Map<String, Binding> some = new LinkedHashMap<>();
    names.forEach(name -> some.put(name, binding(name)));
    return new Scope(some);
  }

  /** This scope without these columns. */
  Scope without(List<String> names) {
    Map<String, Binding> rest = new LinkedHashMap<>(columns);
    rest.keySet().removeAll(names);
    return new Scope(rest);
  }

  /** This scope with other names: a later one does not see an earlier one's. */
  Scope renamed(List<Step.Rename.Name> names, String element) {
    Map<String, String> to = new HashMap<>();
    for (Step.Rename.Name name : names) {
      for (String from : matching(List.of(name.from()), element)) {
        String renamed = has(name.from()) ? name.to() : replaced(from, name);
        if (to.put(from, renamed) != null) {
          throw LastmileException.user(element, "Invalid rename: \"" + from + "\" gets two names");
        }
      }
    }
    Map<String, Binding> all = new LinkedHashMap<>();
    columns.forEach((name, binding) -> {
      String now = to.getOrDefault(name, name);
      if (all.put(now, binding) != null) {
        throw LastmileException.user(
            element, "Invalid column name: \"" + now + "\" (exists already)");
      }
    });
    return new Scope(all);
  }

  /** The name in which what a pattern's star stood for stands for the other's. */
  private static String replaced(String from, Step.Rename.Name name) {
    int star = name.from().indexOf('*');
    int after = name.from().length() - star - 1;
    return name.to().replace("*", from.substring(star, from.length() - after));
  }

  private Binding binding(String name) {
    Binding binding = columns.get(name);
    if (binding == null) {
      throw new IllegalArgumentException(name);
    }
    return binding;
  }

  /** The column of this name; a name of an expression may differ in case, as in SQL. */
  Binding named(String name, String element) {
    Binding exact = columns.get(name);
    if (exact != null) {
      return exact;
    }
    List<String> alike = columns.keySet().stream().filter(name::equalsIgnoreCase).toList();
    if (alike.size() == 1) {
      return binding(alike.getFirst());
    }
    throw unknown(name, element);
  }

  /**
   * Names of the columns that the patterns mean: in the order of the patterns, within a glob in
   * that of the scope, each once.
   */
  List<String> matching(List<String> patterns, String element) {
    List<String> names = new ArrayList<>();
    for (String pattern : patterns) {
      List<String> found = has(pattern) ? List.of(pattern) : globbed(pattern);
      if (found.isEmpty()) {
        throw isGlob(pattern)
            ? LastmileException.user(element, "No column matches \"" + pattern + "\"")
            : unknown(pattern, element);
      }
      found.stream().filter(name -> !names.contains(name)).forEach(names::add);
    }
    return names;
  }

  private List<String> globbed(String pattern) {
    if (!isGlob(pattern)) {
      return List.of();
    }
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      switch (c) {
        case '*' -> regex.append(".*");
        case '?' -> regex.append('.');
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    Pattern glob = Pattern.compile(regex.toString(), Pattern.DOTALL);
    return columns.keySet().stream().filter(name -> glob.matcher(name).matches()).toList();
  }

  private static boolean isGlob(String pattern) {
    return pattern.indexOf('*') >= 0 || pattern.indexOf('?') >= 0;
  }

  private LastmileException unknown(String name, String element) {
    return LastmileException.user(
        element, "Unknown column \"" + name + "\"" + Nearest.hint(name, columns.keySet()));
  }
}
