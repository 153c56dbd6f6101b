package io.lastmile.dataset;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where an experiment was written. Not part of its canonical JSON.
 *
 * @param folder absolute; relative paths of the experiment start here, and so do its ranks
 * @param file as the user named it, or null when the experiment was built in code
 * @param lines line (from 1) of each element, by element name such as {@code
 *     datasets.train.steps[2].filter}
 */
public record Origin(Path folder, @Nullable String file, Map<String, Integer> lines) {
  public Origin {
    lines = Map.copyOf(lines);
  }

  /** Built in code, in a folder. */
  static Origin code(Path folder) {
    return new Origin(folder.toAbsolutePath().normalize(), null, Map.of());
  }

  /**
   * The place of an element for a message: {@code experiment.yaml:21}; the nearest written parent's
   * line when the element itself was not written; the element's name when built in code.
   */
  public String place(String element) {
    if (file == null) {
      return element;
    }
    String at = element;
    while (!at.isEmpty()) {
      Integer line = lines.get(at);
      if (line != null) {
        return file + ":" + line;
      }
      int cut = Math.max(at.lastIndexOf('.'), at.lastIndexOf('['));
      at = cut < 0 ? "" : at.substring(0, cut);
    }
    return file;
  }
}
