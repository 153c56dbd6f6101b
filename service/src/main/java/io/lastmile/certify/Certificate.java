package io.lastmile.certify;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.EpochProgress;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.query.Engine;
import io.lastmile.sequence.Position;
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
  public static Map<String, @Nullable Object> of(
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
            history.values());
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("lastmile", lastmile);
    tree.put("engine", Engine.version());
    tree.put("dataset", plan.name());
    tree.put("epoch", (long) epoch.epoch());
    tree.put("seed", seed);
    tree.put("fingerprint", plan.fingerprint());
    tree.put("ranks", epoch.stepRows() / plan.dataset().batch());
    tree.put("from_row", history.from());
    tree.put("begun_row", history.begun());
    tree.putAll(accounts.tree());
    tree.put("row_groups_skipped", skipped);
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
   * Computes a certificate again. Which row groups were left out is not compared: the rows that
   * were read tell it.
   *
   * @param job with the dataset, as it is planned now
   * @param certificate its tree
   * @return what differs, in words; none: the source and the steps still give what it says
   * @throws LastmileException as a run would fail, of kind USER for a dataset that is not there or
   *     a tree that is no certificate
   */
  public static List<String> differences(JobPlan job, Map<?, ?> certificate)
      throws InterruptedException {
    long _ = number(certificate, "version", VERSION, VERSION);
    FeedPlan plan = job.feed(text(certificate, "dataset"));
    String fingerprint = text(certificate, "fingerprint");
    if (!plan.fingerprint().equals(fingerprint)) {
      return PlanChange.since(
          "certified", plan, fingerprint, certificate.get("engine"), files(certificate));
    }
    Position now =
        Recount.of(
            job,
            plan,
            (int) number(certificate, "epoch", 0, Integer.MAX_VALUE),
            (int) number(certificate, "ranks", 1, Integer.MAX_VALUE),
            number(certificate, "begun_row", 0, Long.MAX_VALUE));
    List<String> differences = new ArrayList<>();
    Accounts.of(plan, now)
        .tree()
        .forEach((key, value) -> {
          Object then = certificate.get(key);
          boolean isUnknown = key.equals("values_digest") && then == null;
          if (!isUnknown && !Objects.equals(value, then)) {
            differences.add("%s: certified %s, now %s".formatted(key, then, value));
          }
        });
    return differences;
  }

  private static LastmileException mistake(String why) {
    return LastmileException.of(FailureKind.USER, "Not a certificate: " + why);
  }

  private static long number(Map<?, ?> tree, String key, long least, long most) {
    if (tree.get(key) instanceof Long number && number >= least && number <= most) {
      return number;
    }
    throw mistake("%s is %s".formatted(key, tree.get(key)));
  }

  private static String text(Map<?, ?> tree, String key) {
    if (tree.get(key) instanceof String text) {
      return text;
    }
    throw mistake("%s is %s (must be a text)".formatted(key, tree.get(key)));
  }

  private static List<?> files(Map<?, ?> tree) {
    if (tree.get("files") instanceof List<?> list) {
      return list;
    }
    throw mistake("files is missing");
  }
}
