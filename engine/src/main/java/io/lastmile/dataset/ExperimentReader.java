package io.lastmile.dataset;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** Reads an experiment from its file, YAML or canonical JSON. Safe for any thread. */
public final class ExperimentReader {
  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private ExperimentReader() {}

  /**
   * The experiment in a YAML file, its defaults filled in and its {@link Origin} saying the line of
   * every element that is written; or in a file of {@linkplain CanonicalJson canonical JSON}, whose
   * name ends in {@code .json} and whose one line says no more than the names of its elements.
   *
   * @param file its folder is where relative paths start; its name in messages is the path as given
   * @throws LastmileException of kind USER: the first mistake in the order of the file, with its
   *     element and place, such as {@code Invalid batch: 0 (must be > 0)} at {@code
   *     experiment.yaml:12}; what only planning can know (a missing table, a column that is not
   *     there) is not looked at
   */
  public static Experiment read(Path file) {
    return read(file, Mistakes.first());
  }

  /**
   * As {@link #read(Path)}; where mistakes are kept, with what the rest of the file says: steps
   * with a mistake are {@link Step.Unread}, anything else with one is as if it were not written.
   *
   * @throws LastmileException of kind USER, placed, when the file cannot be read or is neither YAML
   *     nor JSON
   */
  public static Experiment read(Path file, Mistakes mistakes) {
    if (file.toString().endsWith(".json")) {
      return CanonicalJson.read(text(file), folder(file), mistakes);
    }
    Written root = YamlTree.read(file.toString(), text(file), mistakes);
    Map<String, Integer> lines = new HashMap<>();
    collectLines("", root, lines);
    Origin origin = new Origin(folder(file), file.toString(), lines, parts(root));
    try {
      return ExperimentForm.read(root, origin);
    } catch (LastmileException mistake) {
      String element = mistake.element();
      throw element == null ? mistake : mistake.placed(origin.place(element));
    }
  }

  private static Path folder(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    return parent == null ? absolute : parent;
  }

  private static void collectLines(String parent, Written value, Map<String, Integer> lines) {
    for (Written part : value.parts()) {
      boolean joined = parent.isEmpty() || part.name().startsWith("[");
      String element = joined ? parent + part.name() : parent + "." + part.name();
      lines.put(element, part.line());
      collectLines(element, part, lines);
    }
  }

  /** The datasets whose source is another, by name, with the name of the other. */
  private static Map<String, String> parts(Written root) {
    Map<String, String> parts = new HashMap<>();
    named("datasets", root)
        .flatMap(datasets -> datasets.parts().stream())
        .forEach(dataset ->
            named("source", dataset)
                .flatMap(source -> named("dataset", source))
                .filter(other -> other.kind() == Written.Kind.TEXT)
                .forEach(other -> parts.put(dataset.name(), other.text())));
    return parts;
  }

  private static Stream<Written> named(String key, Written mapping) {
    return mapping.parts().stream().filter(part -> part.name().equals(key));
  }

  private static String text(Path file) {
    if (!Files.exists(file)) {
      throw unreadable("No such experiment file: " + file);
    }
    if (Files.isDirectory(file)) {
      throw unreadable("Invalid experiment file: " + file + " (is a folder)");
    }
    try {
      byte[] bytes = Files.readAllBytes(file);
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      throw unreadable("Invalid experiment file: " + file + " (must be UTF-8 text)");
    } catch (IOException e) {
      throw unreadable("Cannot read the experiment file: " + e.getMessage());
    }
  }

  private static LastmileException unreadable(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }
}
