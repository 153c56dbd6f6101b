package io.lastmile.feed;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Parts of a tree of JSON; a ClassCastException where one is something else. */
final class Tree {
  private Tree() {}

  static Map<?, ?> map(@Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new ClassCastException("a mapping is " + value);
  }

  static List<?> list(@Nullable Object value) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new ClassCastException("a list is " + value);
  }

  static long number(@Nullable Object value) {
    if (value instanceof Long number) {
      return number;
    }
    throw new ClassCastException("a number is " + value);
  }

  static String text(@Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw new ClassCastException("a text is " + value);
  }
}
