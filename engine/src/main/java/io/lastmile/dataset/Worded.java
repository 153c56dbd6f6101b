package io.lastmile.dataset;

import java.util.Locale;

/** A choice of the experiment, which has a word: an enum. */
public interface Worded {
  /** As {@link Enum#name()}. */
  String name();

  /** The word for it in YAML and JSON. */
  default String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
