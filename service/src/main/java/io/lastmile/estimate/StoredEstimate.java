package io.lastmile.estimate;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Json;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.MixPlan;
import io.lastmile.query.UserCache;
import io.lastmile.source.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an estimate said, kept in the user's cache until a run of the same plan ends: {@code
 * estimates/<digest>.json}. The digest is of everything that decides the rows, the dataset as it is
 * said, and its files with their sizes and times of writing.
 *
 * @param rows of epoch 0
 * @param label column whose positives were counted; null: none
 * @param positives of the rows; null where there is no label
 * @param everyEpoch whether all epochs have as many rows
 * @param positivesEveryEpoch whether they also have as many positives: no limit takes the first
 *     rows of another order
 * @param lastStep what becomes of the rows that fill no whole step
 */
public record StoredEstimate(
    Interval rows,
    @Nullable String label,
    @Nullable Interval positives,
    boolean everyEpoch,
    boolean positivesEveryEpoch,
    Dataset.LastStep lastStep) {
  private static final long VERSION = 1;

  static StoredEstimate of(Estimate estimate) {
    List<DatasetPlan> tables = tables(estimate.plan());
    boolean everyEpoch = tables.stream().noneMatch(table -> table.query().dependsOnEpoch());
    return new StoredEstimate(
        estimate.rows(),
        estimate.label(),
        estimate.positives(),
        everyEpoch,
        everyEpoch && tables.stream().allMatch(table -> table.limit() == null),
        estimate.plan().dataset().lastStep());
  }

  /** Steps of an epoch in which ranks share so many rows a step. */
  public Interval steps(long stepRows) {
    return rows.map(count -> lastStep.steps(count, stepRows));
  }

  /**
   * Keeps an estimate for later runs, whole or not at all, in place of an older one.
   *
   * @throws IOException when it cannot be written
   */
  public static void keep(Estimate estimate) throws IOException {
    of(estimate).write(UserCache.folder(), estimate.plan());
  }

  void write(Path cache, FeedPlan plan) throws IOException {
    Path file = file(cache, plan);
    Path folder = Files.createDirectories(cache.resolve("estimates"));
    Path fresh = Files.createTempFile(folder, "estimate", ".new");
    try {
      Files.writeString(fresh, Json.write(tree()) + "\n");
      Path _ = Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private Map<String, @Nullable Object> tree() {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("version", VERSION);
    tree.put("rows", tree(rows));
    tree.put("label", label);
    tree.put("positives", positives == null ? null : tree(positives));
    tree.put("every_epoch", everyEpoch);
    tree.put("positives_every_epoch", positivesEveryEpoch);
    return tree;
  }

  private static Map<String, @Nullable Object> tree(Interval interval) {
    Map<String, @Nullable Object> tree = new HashMap<>();
    tree.put("estimate", interval.estimate());
    tree.put("low", interval.low());
    tree.put("high", interval.high());
    return tree;
  }

  /**
   * The last estimate of a plan that was kept; null: none was.
   *
   * @throws IOException when there is one that cannot be read
   */
  public static @Nullable StoredEstimate of(FeedPlan plan) throws IOException {
    return read(UserCache.folder(), plan);
  }

  static @Nullable StoredEstimate read(Path cache, FeedPlan plan) throws IOException {
    Path file = file(cache, plan);
    try {
      return of(file, Json.parse(Files.readString(file)), plan.dataset().lastStep());
    } catch (NoSuchFileException _) {
      return null;
    } catch (IllegalArgumentException e) {
      throw new IOException("%s is no estimate: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** The estimate of a tree; null: another version wrote it. */
  private static @Nullable StoredEstimate of(
      Path file, @Nullable Object json, Dataset.LastStep lastStep) throws IOException {
    if (json instanceof Map<?, ?> tree) {
      if (!Long.valueOf(VERSION).equals(tree.get("version"))) {
        return null;
      }
      Interval rows = interval(tree.get("rows"));
      if (rows != null && tree.get("every_epoch") instanceof Boolean every) {
        String label = tree.get("label") instanceof String column ? column : null;
        boolean positivesEvery = Boolean.TRUE.equals(tree.get("positives_every_epoch"));
        return new StoredEstimate(
            rows, label, interval(tree.get("positives")), every, positivesEvery, lastStep);
      }
    }
    throw new IOException(file + " is no estimate");
  }

  private static @Nullable Interval interval(@Nullable Object json) {
    if (json instanceof Map<?, ?> tree && tree.get("estimate") instanceof Long estimate) {
      Long low = tree.get("low") instanceof Long number ? number : null;
      Long high = tree.get("high") instanceof Long number ? number : null;
      return new Interval(estimate, low, high);
    }
    return null;
  }

  private static List<DatasetPlan> tables(FeedPlan plan) {
    return switch (plan) {
      case DatasetPlan table -> List.of(table);
      case MixPlan mix -> mix.members();
    };
  }

  private static Path file(Path cache, FeedPlan plan) {
    return cache.resolve("estimates").resolve(digest(plan) + ".json");
  }

  private static String digest(FeedPlan plan) {
    List<String> parts = new ArrayList<>();
    parts.add(plan.fingerprint());
    parts.add(CanonicalJson.write(plan.dataset()));
    if (plan instanceof MixPlan mix) {
      mix.members().forEach(member -> parts.add(CanonicalJson.write(member.dataset())));
    }
    parts.add(Json.write(plan.files()));
    return Sha256.of(String.join("\n", parts));
  }
}
