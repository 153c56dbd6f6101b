package io.lastmile.certify;

import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.Fingerprint;
import io.lastmile.query.Engine;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Why a plan is another than one of before. */
public final class PlanChange {
  private PlanChange() {}

  /**
   * What has changed since then, in words.
   *
   * @param then what was done then, such as {@code certified}
   * @param plan of now
   * @param fingerprint of the plan of then, which is another
   * @param engine its version then
   * @param files of then, as {@link FeedPlan#files()} tells them
   * @return at least one change
   */
  public static List<String> since(
      String then, FeedPlan plan, String fingerprint, @Nullable Object engine, List<?> files) {
    List<String> changes = new ArrayList<>();
    Map<String, Map<?, ?>> before = byName(files);
    Map<String, Map<?, ?>> now = byName(plan.files());
    now.forEach((name, file) -> {
      Map<?, ?> old = before.remove(name);
      if (old == null) {
        changes.add("file %s: not there when it was %s".formatted(name, then));
      } else {
        for (String key : List.of("bytes", "hash", "row_groups", "rows")) {
          if (!Objects.equals(old.get(key), file.get(key))) {
            changes.add(
                "file %s: %s %s %s, now %s"
                    .formatted(name, then, key, old.get(key), file.get(key)));
          }
        }
      }
    });
    before.keySet().forEach(name -> changes.add("file %s: not there any more".formatted(name)));
    if (!Engine.version().equals(engine)) {
      changes.add("engine: %s %s, now %s".formatted(then, engine, Engine.version()));
    }
    if (changes.isEmpty()) {
      changes.add(
          "plan: %s %s, now %s (%s)"
              .formatted(
                  then,
                  fingerprint,
                  plan.fingerprint(),
                  Fingerprint.difference(fingerprint, plan.fingerprint())));
    }
    return changes;
  }

  private static Map<String, Map<?, ?>> byName(List<?> files) {
    Map<String, Map<?, ?>> byName = new LinkedHashMap<>();
    for (Object file : files) {
      if (file instanceof Map<?, ?> tree && tree.get("path") instanceof String path) {
        byName.put(path, tree);
      }
    }
    return byName;
  }
}
