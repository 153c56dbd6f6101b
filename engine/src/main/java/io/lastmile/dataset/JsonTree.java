package io.lastmile.dataset;

import io.lastmile.dataset.Written.Kind;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Canonical JSON as a tree of what was written; a null stands for what was not. */
final class JsonTree {
  /** Keys whose arrays of pairs are mappings in which the order counts. */
  private static final Set<String> ORDERED =
      Set.of(
          "datasets",
          "tensors",
          "derive",
          "on",
          "rename",
          "cast",
          "label",
          "classes",
          "weight",
          "parts",
          "values");

  private static final String VERSION = "version";

  private JsonTree() {}

  /** The tree of a text of the only version there is, without that version. */
  static Written read(String json, Mistakes mistakes) {
    Object tree;
    try {
      tree = Json.parse(json);
    } catch (IllegalArgumentException e) {
      throw LastmileException.of(
          FailureKind.USER, "Invalid experiment (" + e.getMessage() + ")", e);
    }
    Written root = written("", "experiment", tree, mistakes);
    Fields.<Boolean>none()
        .required(VERSION, (read, value) -> value.only(CanonicalJson.VERSION, true))
        .read(root.mapping().keeping(VERSION::equals), true);
    return root.keeping(key -> !key.equals(VERSION));
  }

  private static Written written(
      String name, String label, @Nullable Object value, Mistakes mistakes) {
    return switch (value) {
      case null -> scalar(name, label, Kind.NOTHING, "nothing", mistakes);
      case String text -> scalar(name, label, Kind.TEXT, text, mistakes);
      case Long number -> scalar(name, label, Kind.WHOLE_NUMBER, number.toString(), mistakes);
      case Double number -> scalar(name, label, Kind.NUMBER, number.toString(), mistakes);
      case Boolean truth -> scalar(name, label, Kind.TRUTH, truth.toString(), mistakes);
      case Map<?, ?> object ->
          new Written(name, label, 0, Kind.MAPPING, "", entries(object, mistakes), mistakes);
      case List<?> array when ORDERED.contains(name) && array.stream().allMatch(JsonTree::isPair) ->
          new Written(name, label, 0, Kind.MAPPING, "", pairs(array, mistakes), mistakes);
      case List<?> array ->
          new Written(name, label, 0, Kind.LIST, "", items(label, array, mistakes), mistakes);
      default -> throw new IllegalStateException("JSON value " + value.getClass().getName());
    };
  }

  private static Written scalar(
      String name, String label, Kind kind, String text, Mistakes mistakes) {
    return new Written(name, label, 0, kind, text, List.of(), mistakes);
  }

  private static boolean isPair(@Nullable Object value) {
    return value instanceof List<?> pair && pair.size() == 2 && pair.getFirst() instanceof String;
  }

  private static List<Written> pairs(List<?> array, Mistakes mistakes) {
    List<Written> entries = new ArrayList<>();
    for (Object element : array) {
      if (element instanceof List<?> pair && pair.getFirst() instanceof String key) {
        entries.add(written(key, key, pair.getLast(), mistakes));
      }
    }
    return entries;
  }

  private static List<Written> entries(Map<?, ?> object, Mistakes mistakes) {
    List<Written> entries = new ArrayList<>();
    for (Map.Entry<?, ?> entry : object.entrySet()) {
      if (entry.getKey() instanceof String key && entry.getValue() != null) {
        entries.add(written(key, key, entry.getValue(), mistakes));
      }
    }
    return entries;
  }

  private static List<Written> items(String label, List<?> array, Mistakes mistakes) {
    List<Written> items = new ArrayList<>();
    for (Object value : array) {
      String name = "[" + items.size() + "]";
      items.add(written(name, label + name, value, mistakes));
    }
    return items;
  }
}
