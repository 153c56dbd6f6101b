package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where an experiment was written. Not part of its canonical JSON.
 *
 * @param folder absolute; relative paths of the experiment start here, and so do its ranks
 * @param file as the user named it, or null when the experiment was built in code
 * @param lines line (from 1) of each element, by element name such as {@code
 *     datasets.train.steps[2].filter}
 * @param parts the datasets that are parts of others, each with the name of the other
 */
public record Origin(
    Path folder, @Nullable String file, Map<String, Integer> lines, Map<String, String> parts) {
  public Origin {
    lines = Map.copyOf(lines);
    parts = Map.copyOf(parts);
  }

  /** Built in code, in a folder. */
  static Origin code(Path folder) {
    return new Origin(folder.toAbsolutePath().normalize(), null, Map.of(), Map.of());
  }

  /**
   * The dataset that another has something from, being a part of it and not saying that itself.
   *
   * @param key of the dataset, such as {@code tensors}
   * @return null when it has none from another
   */
  public @Nullable String takenFrom(String dataset, String key) {
    return lines.containsKey("datasets." + dataset + "." + key) ? null : parts.get(dataset);
  }

  /**
   * The place of an element for a message: {@code experiment.yaml:21}; the nearest written parent's
   * line when the element itself was not written; the element's name when built in code.
   */
  public String place(String element) {
    if (file == null) {
      return element;
    }
    int line = line(element);
    return line == 0 ? file : file + ":" + line;
  }

  /** The line of an element or of its nearest parent that is written; 0 when none is. */
  private int line(String element) {
    String at = element;
    while (!at.isEmpty()) {
      Integer line = lines.get(at);
      if (line != null) {
        return line;
      }
      int cut = Math.max(at.lastIndexOf('.'), at.lastIndexOf('['));
      at = cut < 0 ? "" : at.substring(0, cut);
    }
    return 0;
  }

  /**
   * Mistakes with their places, in the order of the file. One in what a dataset has from another,
   * whose part it is, is the other's: it is left out when that one has it.
   */
  public List<LastmileException> placed(List<LastmileException> mistakes) {
    Set<List<String>> written = new HashSet<>();
    for (LastmileException mistake : mistakes) {
      if (isWritten(mistake)) {
        written.add(inDataset(mistake));
      }
    }
    return mistakes.stream()
        .filter(mistake -> isWritten(mistake) || !written.contains(inDataset(mistake)))
        .sorted(Comparator.comparingInt(mistake -> line(element(mistake))))
        .map(mistake ->
            mistake.place() == null && mistake.element() != null
                ? mistake.placed(place(element(mistake)))
                : mistake)
        .toList();
  }

  private static String element(LastmileException mistake) {
    String element = mistake.element();
    return element == null ? "" : element;
  }

  private boolean isWritten(LastmileException mistake) {
    return lines.containsKey(element(mistake));
  }

  /** What tells two mistakes apart but for the dataset that they lie in. */
  private List<String> inDataset(LastmileException mistake) {
    String element = element(mistake);
    String dataset =
        lines.keySet().stream()
            .filter(written -> written.startsWith("datasets."))
            .filter(written -> lines.containsKey(written + ".source"))
            .filter(written -> element.startsWith(written + "."))
            .findFirst()
            .orElse("");
    return List.of(element.substring(dataset.length()), mistake.text());
  }
}
