package io.lastmile;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.Fingerprint;
import io.lastmile.run.RecordedRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What earlier drivers of a run have left for the next.
 *
 * @param name as the user calls the run
 * @param kept in its record
 */
record PastRun(Path name, RecordedRun.Kept kept) {
  /**
   * The run of a record.
   *
   * @throws LastmileException USER when there is no record, or nothing to go on with
   */
  static PastRun of(Path folder) {
    PastRun run = new PastRun(folder, RecordedRun.kept(folder));
    if ("ok".equals(run.kept.kind())) {
      throw mistake("Run %s has ended well: there is nothing to resume".formatted(folder));
    }
    return run;
  }

  private static LastmileException mistake(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }

  /** The number of its next attempt. */
  int nextAttempt() {
    return kept.history().get("attempt") instanceof Long last ? Math.toIntExact(last) + 1 : 1;
  }

  /** What is known of its rows; empty: nothing. */
  Map<?, ?> history() {
    return kept.history().get("history") instanceof Map<?, ?> history ? history : Map.of();
  }

  /** A mistake when the rows of the data as it is now planned may be others. */
  void check(JobData data) {
    List<String> differences = new ArrayList<>();
    if (!kept.files().isEmpty()) {
      Map<String, Map<?, ?>> before = byPath(kept.files());
      Map<String, Map<?, ?>> now = byPath(data.files());
      before.forEach((path, file) -> compare(path, file, now.remove(path), differences));
      now.keySet().forEach(path -> differences.add(path + " was not there"));
    }
    if (differences.isEmpty() && kept.history().get("fingerprints") instanceof Map<?, ?> plans) {
      data.fingerprints()
          .forEach((dataset, fingerprint) ->
              compare(dataset, String.valueOf(plans.get(dataset)), fingerprint, differences));
    }
    if (!differences.isEmpty()) {
      throw mistake(
          "Run %s cannot go on, its data has changed: %s (start a new run)"
              .formatted(name, String.join("; ", differences)));
    }
  }

  private static Map<String, Map<?, ?>> byPath(Map<?, ?> files) {
    Map<String, Map<?, ?>> byPath = new LinkedHashMap<>();
    for (Object dataset : files.values()) {
      for (Object file : (List<?>) dataset) {
        Map<?, ?> tree = (Map<?, ?>) file;
        byPath.put(String.valueOf(tree.get("path")), tree);
      }
    }
    return byPath;
  }

  private static void compare(
      String path, Map<?, ?> before, @Nullable Map<?, ?> now, List<String> differences) {
    if (now == null) {
      differences.add(path + " is not there any more");
      return;
    }
    for (String key : List.of("bytes", "hash", "rows")) {
      if (!Objects.equals(before.get(key), now.get(key))) {
        differences.add("%s had %s %s, now %s".formatted(path, key, before.get(key), now.get(key)));
        return;
      }
    }
  }

  private static void compare(String dataset, String before, String now, List<String> differences) {
    if (!before.equals(now)) {
      differences.add(
          "the plan of %s was %s, now %s (%s)"
              .formatted(dataset, before, now, Fingerprint.difference(before, now)));
    }
  }
}
