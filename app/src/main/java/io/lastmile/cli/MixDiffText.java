package io.lastmile.cli;

import io.lastmile.diff.MixDiff;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A comparison of two mixes as the user reads it.
 *
 * @param diff of them
 * @param a file of the first
 * @param b file of the second
 */
record MixDiffText(MixDiff diff, Path a, Path b) {
  String text() {
    List<String> lines = new ArrayList<>();
    lines.add("A: mix %s of %s".formatted(diff.a().name(), a));
    lines.add("B: mix %s of %s".formatted(diff.b().name(), b));
    lines.add("");
    List<List<String>> table = new ArrayList<>();
    table.add(List.of("MIX", "IN A", "IN B"));
    for (String name : diff.datasets()) {
      table.add(
          List.of("ratio of " + name, text(diff.a().ratio(name)), text(diff.b().ratio(name))));
    }
    table.add(List.of("on_dry", diff.a().mix().onDry().word(), diff.b().mix().onDry().word()));
    table.add(List.of("limit", text(diff.a().limit()), text(diff.b().limit())));
    lines.addAll(PreviewText.aligned(table, List.of(false, true, true)));
    return String.join("\n", lines);
  }

  private static String text(@Nullable Object value) {
    return value == null ? "-" : value.toString();
  }
}
