package io.lastmile.plan;

import io.lastmile.dataset.Step;
import io.lastmile.error.FollowUpException;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import io.lastmile.query.ColumnType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The columns that a step or a tensor can see, in order. Immutable: each change is a new scope.
 *
 * <p>Behind a mistake that is kept some columns are in doubt: there may be others of these names.
 * Asking for one of them throws a {@link FollowUpException}.
 */
final class Scope {
  private final Map<String, Binding> columns;

  /** Names and patterns of the columns in doubt. */
  private final List<String> doubts;

  /** What shares those who ask for columns with other datasets; null: nothing. */
  private final @Nullable Shared shared;

  /** Of these columns; the map is not to be changed any more. */
  Scope(Map<String, Binding> columns) {
    this(columns, List.of(), null);
  }

  private Scope(Map<String, Binding> columns, List<String> doubts, @Nullable Shared shared) {
    this.columns = Collections.unmodifiableMap(columns);
    this.doubts = doubts;
    this.shared = shared;
  }

  /** No columns, or any: those of a source with a mistake. */
  static Scope unknown() {
    return new Scope(Map.of(), List.of("*"), null);
  }

  /** This scope with columns of these names, and others that match these patterns, in doubt. */
  Scope doubting(List<String> patterns) {
    Map<String, Binding> sure = new LinkedHashMap<>(columns);
    sure.keySet().removeAll(patterns);
    return new Scope(sure, Stream.concat(doubts.stream(), patterns.stream()).toList(), shared);
  }

  /** This scope as those see it that are shared with other datasets. */
  Scope sharing(@Nullable Shared what) {
    return new Scope(columns, doubts, what);
  }

  private Scope of(Map<String, Binding> others) {
    return new Scope(others, doubts, shared);
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
    return of(more);
  }

  /** This scope with only these columns, in the order they are named. */
  Scope only(List<String> names) {
    Map<String, Binding> some = new LinkedHashMap<>();
    names.forEach(name -> some.put(name, binding(name)));
    return of(some);
  }

  /** This scope without these columns. */
  Scope without(List<String> names) {
    Map<String, Binding> rest = new LinkedHashMap<>(columns);
    rest.keySet().removeAll(names);
    return of(rest);
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
    return of(all);
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

  /**
   * The column of this name, whose values are to be used; a name of an expression may differ in
   * case, as in SQL.
   */
  Binding named(String name, String element) {
    Binding exact = columns.get(name);
    if (exact != null) {
      return usable(exact, element);
    }
    List<String> alike = columns.keySet().stream().filter(name::equalsIgnoreCase).toList();
    if (alike.size() == 1) {
      return usable(binding(alike.getFirst()), element);
    }
    checkDoubts(name);
    throw unknown(name, element);
  }

  private static Binding usable(Binding binding, String element) {
    if (binding.type() instanceof ColumnType.Other(String _, String refusal) && refusal != null) {
      throw LastmileException.user(element, refusal);
    }
    return binding;
  }

  private void checkDoubts(String asked) {
    if (isInDoubt(asked)) {
      throw new FollowUpException();
    }
  }

  /** What a name or pattern means is in doubt when a doubt and it may mean the same column. */
  private boolean isInDoubt(String asked) {
    return doubts.stream()
        .anyMatch(doubt ->
            doubt.equalsIgnoreCase(asked)
                || glob(doubt).test(asked)
                || glob(asked).test(doubt)
                || mayMeet(asked, doubt));
  }

  /** Whether a name or pattern means columns, or is in doubt. */
  boolean mayHave(String pattern) {
    boolean alike = columns.keySet().stream().anyMatch(pattern::equalsIgnoreCase);
    return alike || !globbed(pattern).isEmpty() || isInDoubt(pattern);
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
        checkDoubts(pattern);
        throw isGlob(pattern) ? unmatched(pattern, element) : unknown(pattern, element);
      }
      found.stream().filter(name -> !names.contains(name)).forEach(names::add);
    }
    return names;
  }

  /** Names of the columns that the patterns mean, as far as they mean any. */
  List<String> meant(List<String> patterns) {
    return patterns.stream()
        .flatMap(pattern -> (has(pattern) ? List.of(pattern) : globbed(pattern)).stream())
        .distinct()
        .toList();
  }

  private List<String> globbed(String pattern) {
    if (!isGlob(pattern)) {
      return List.of();
    }
    Predicate<String> glob = glob(pattern);
    return columns.keySet().stream().filter(glob).toList();
  }

  private static Predicate<String> glob(String pattern) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      switch (c) {
        case '*' -> regex.append(".*");
        case '?' -> regex.append('.');
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL).asMatchPredicate();
  }

  /**
   * Whether something may match both of two globs: the letters before their first wildcards fit.
   */
  private static boolean mayMeet(String one, String other) {
    String start = start(one);
    String begin = start(other);
    return isGlob(one) && isGlob(other) && (start.startsWith(begin) || begin.startsWith(start));
  }

  private static String start(String pattern) {
    return pattern.split("[*?]", 2)[0];
  }

  private static boolean isGlob(String pattern) {
    return pattern.indexOf('*') >= 0 || pattern.indexOf('?') >= 0;
  }

  private LastmileException unmatched(String pattern, String element) {
    return lacking("No column matches \"" + pattern + "\"", pattern, "", element);
  }

  private LastmileException unknown(String name, String element) {
    String hint = Nearest.hint(name, columns.keySet());
    return lacking("Unknown column \"" + name + "\"", name, hint, element);
  }

  private LastmileException lacking(String message, String asked, String hint, String element) {
    Shared with = shared;
    String said = with != null && with.isElsewhere(asked) ? with.message(message) : message + hint;
    return LastmileException.user(element, said);
  }
}
