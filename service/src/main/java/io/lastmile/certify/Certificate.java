package io.lastmile.certify;

import io.lastmile.error.LastmileException;
import io.lastmile.feed.EpochProgress;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.Fingerprint;
import io.lastmile.plan.JobPlan;
import io.lastmile.query.Engine;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The certificate of an epoch, as a tree of JSON that can be computed again from the source. */
public final class Certificate {
  private static final long VERSION = 1;

  private Certificate() {}

  /**
   * The certificate of an epoch whose rows the ranks have all taken.
   *
   * @param lastmile its version
   * @param plan of the feed
   * @param skipped row groups that were left out, in words
   */
  public static Map<String, Object> of(
      String lastmile, long seed, FeedPlan plan, EpochProgress epoch, List<String> skipped) {
    EpochProgress.History history = epoch.history();
    Accounts accounts =
        Accounts.of(
            plan,
            epoch.rowsRead(),
            epoch.mixed().stream().map(EpochProgress.MixedRows::read).toList(),
            rows(epoch.rowsAdded()),
            rows(epoch.rowsDropped()),
            epoch.rowsDelivered(),
            epoch.rowsPadded(),
            history.digest(),
            skipped);
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("lastmile", lastmile);
    tree.put("engine", Engine.version());
    tree.put("dataset", plan.name());
    tree.put("epoch", (long) epoch.epoch());
    tree.put("seed", seed);
    tree.put("fingerprint", plan.fingerprint());
    tree.put("from_row", history.from());
    tree.putAll(accounts.tree());
    tree.put("replayed", history.replayed().stream().map(Certificate::tree).toList());
    tree.put("files", plan.files());
    return tree;
  }

  private static List<Long> rows(List<EpochProgress.StepRows> steps) {
    return steps.stream().map(EpochProgress.StepRows::rows).toList();
  }

  private static Map<String, Object> tree(EpochProgress.Replay replay) {
    return Map.of("from_row", replay.from(), "to_row", replay.to());
  }

  /**
   * Computes a certificate again.
   *
   * @param job with the dataset, as it is planned now
   * @param certificate its tree
   * @param ranks that shared each step
   * @return what differs, in words; none: the source and the steps still give what it says
   * @throws LastmileException as a run would fail, of kind USER for a dataset that is not there
   */
  public static List<String> differences(JobPlan job, Map<?, ?> certificate, int ranks)
      throws InterruptedException {
    FeedPlan plan = job.feed(text(certificate, "dataset"));
    if (!plan.fingerprint().equals(certificate.get("fingerprint"))) {
      return ofPlan(plan, certificate);
    }
    int epoch = Math.toIntExact((Long) Objects.requireNonNull(certificate.get("epoch")));
    Map<String, Object> now = Recount.of(job, plan.name(), epoch, ranks, begun(certificate)).tree();
    List<String> differences = new ArrayList<>();
    now.forEach((key, value) -> {
      Object then = certificate.get(key);
      if (!value.equals(then)) {
        differences.add("%s: certified %s, now %s".formatted(key, then, value));
      }
    });
    return differences;
  }

  /** The row at which the ranks began the last time: their last step depends on it. */
  private static long begun(Map<?, ?> certificate) {
    long begun = (Long) Objects.requireNonNull(certificate.get("from_row"));
    if (certificate.get("replayed") instanceof List<?> replayed
        && !replayed.isEmpty()
        && replayed.getLast() instanceof Map<?, ?> last
        && last.get("from_row") instanceof Long from) {
      begun = Math.max(begun, from);
    }
    return begun;
  }

  private static String text(Map<?, ?> tree, String key) {
    return String.valueOf(tree.get(key));
  }

  /** Why the plan is another. */
  private static List<String> ofPlan(FeedPlan plan, Map<?, ?> certificate) {
    List<String> differences = new ArrayList<>();
    Map<String, Map<?, ?>> certified = byName((List<?>) certificate.get("files"));
    Map<String, Map<?, ?>> now = byName(plan.files());
    now.forEach((name, file) -> {
      Map<?, ?> old = certified.remove(name);
      if (old == null) {
        differences.add("file %s: not there when it was certified".formatted(name));
      } else {
        for (String key : List.of("bytes", "hash", "row_groups", "rows")) {
          if (!Objects.equals(old.get(key), file.get(key))) {
            differences.add(
                "file %s: certified %s %s, now %s"
                    .formatted(name, key, old.get(key), file.get(key)));
          }
        }
      }
    });
    certified
        .keySet()
        .forEach(name -> differences.add("file %s: not there any more".formatted(name)));
    if (!Engine.version().equals(certificate.get("engine"))) {
      differences.add(
          "engine: certified %s, now %s".formatted(certificate.get("engine"), Engine.version()));
    }
    if (differences.isEmpty()) {
      String then = text(certificate, "fingerprint");
      differences.add(
          "plan: certified %s, now %s (%s)"
              .formatted(
                  then, plan.fingerprint(), Fingerprint.difference(then, plan.fingerprint())));
    }
    return differences;
  }

  private static Map<String, Map<?, ?>> byName(@Nullable List<?> files) {
    Map<String, Map<?, ?>> byName = new LinkedHashMap<>();
    if (files != null) {
      for (Object file : files) {
        byName.put(text((Map<?, ?>) file, "path"), (Map<?, ?>) file);
      }
    }
    return byName;
  }
}
