package io.lastmile.dataset;

import io.lastmile.error.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/**
 * The keys that a mapping may have, and what each of them does to the value that is read.
 *
 * @param noun what a key is called in messages
 * @param readings by key: refines the value so far; in the order in which messages list the keys
 * @param required keys that must be there
 * @param later keys that will mean something one day and are refused until then
 * @param <T> the value, immutable
 */
record Fields<T>(
    String noun,
    Map<String, BiFunction<T, Written, T>> readings,
    List<String> required,
    List<String> later) {
  static <T> Fields<T> none() {
    return noneCalled("key");
  }

  /** No fields, whose keys messages call so. */
  static <T> Fields<T> noneCalled(String noun) {
    return new Fields<>(noun, Map.of(), List.of(), List.of());
  }

  /** These fields and one that may be there. */
  Fields<T> key(String name, BiFunction<T, Written, T> reading) {
    Map<String, BiFunction<T, Written, T>> more = new LinkedHashMap<>(readings);
    more.put(name, reading);
    return new Fields<>(noun, more, required, later);
  }

  /** These fields and one that must be there. */
  Fields<T> required(String name, BiFunction<T, Written, T> reading) {
    List<String> more = new ArrayList<>(required);
    more.add(name);
    return new Fields<>(noun, key(name, reading).readings, more, later);
  }

  /** These fields and some that are refused as not supported yet. */
  Fields<T> later(String... names) {
    return new Fields<>(noun, readings, required, List.of(names));
  }

  /**
   * Reads a mapping, in the order of the file.
   *
   * @param start the value where nothing is written; the required keys replace their part of it
   */
  T read(Written mapping, T start) {
    T value = mapping.mapping().fold(start, (before, field) -> reading(field).apply(before, field));
    for (String key : required) {
      need(key, mapping);
    }
    return value;
  }

  /** A mistake when a mapping lacks a key, unless another one is that key with a typing error. */
  void need(String key, Written mapping) {
    boolean meant =
        mapping.parts().stream()
            .filter(field -> !readings.containsKey(field.name()))
            .anyMatch(field -> key.equals(Nearest.of(field.name(), readings.keySet())));
    if (!mapping.has(key) && !meant) {
      mapping.mistakes().add(mapping.mistake("Missing key \"" + key + "\""));
    }
  }

  private BiFunction<T, Written, T> reading(Written field) {
    BiFunction<T, Written, T> reading = readings.get(field.name());
    if (reading != null) {
      return reading;
    }
    if (later.contains(field.name())) {
      throw field.mistake(field.name() + " is not supported yet");
    }
    String hint = Nearest.hint(field.name(), readings.keySet());
    String known = hint.isEmpty() ? " (known: " + String.join(", ", readings.keySet()) + ")" : hint;
    throw field.mistake("Unknown " + noun + " \"" + field.name() + "\"" + known);
  }
}
