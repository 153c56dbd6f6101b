package io.lastmile.sequence;

import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.DatasetPlan;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The first row after a global step: all that is needed to go on from there with any number of
 * ranks, any batch and any workers.
 *
 * @param fingerprint of the plan
 * @param epoch from 0
 * @param step global steps of the epoch that were delivered
 * @param rows global rows of the epoch that were delivered
 * @param split ordinal of the split of the first row
 * @param row its number among the rows of that split that stay
 * @param counts of the epoch so far
 * @param digest sum of the hashes of the delivered row identities, modulo 2^64
 */
public record Position(
    String fingerprint,
    int epoch,
    long step,
    long rows,
    int split,
    long row,
    Counts counts,
    long digest) {
  private static final long VERSION = 1;

  /** The start of an epoch. */
  public static Position startOf(int epoch, DatasetPlan plan) {
    return new Position(plan.fingerprint(), epoch, 0, 0, 0, 0, Counts.none(plan), 0);
  }

  /** The canonical JSON, UTF-8. */
  public byte[] json() {
    return Json.write(tree()).getBytes(StandardCharsets.UTF_8);
  }

  /** The tree of the JSON. */
  public Map<String, Object> tree() {
    Map<String, Object> count = new LinkedHashMap<>();
    count.put("read", counts.read());
    count.put("added", counts.added());
    count.put("dropped", counts.dropped());
    count.put("delivered", counts.delivered());
    count.put("padded", counts.padded());
    count.put("unknown", counts.unknown());
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("fingerprint", fingerprint);
    tree.put("epoch", (long) epoch);
    tree.put("step", step);
    tree.put("rows", rows);
    tree.put("split", (long) split);
    tree.put("row", row);
    tree.put("counts", count);
    tree.put("digest", HexFormat.of().toHexDigits(digest));
    return tree;
  }

  /**
   * The position that a script loaded.
   *
   * @param tree of its JSON
   * @param plan that goes on from it
   * @throws LastmileException of kind USER when it is none, or one of another plan
   */
  public static Position of(Map<?, ?> tree, DatasetPlan plan) {
    String fingerprint = plan.fingerprint();
    try {
      if (number(tree, "version") != VERSION) {
        throw invalid("version " + tree.get("version") + " (this is version " + VERSION + ")");
      }
      if (!fingerprint.equals(tree.get("fingerprint"))) {
        throw invalid(
            "it was saved with plan "
                + tree.get("fingerprint")
                + ", this is plan "
                + fingerprint
                + " (other files, steps, shuffle, seed or engine)");
      }
      Map<?, ?> counts = (Map<?, ?>) value(tree, "counts");
      List<Long> added =
          counts.get("added") == null
              ? List.of()
              : numbers(counts, "added", plan.query().copies().size(), "copy");
      List<Long> dropped = numbers(counts, "dropped", plan.drops().size(), "drop");
      return new Position(
          fingerprint,
          Math.toIntExact(number(tree, "epoch")),
          number(tree, "step"),
          number(tree, "rows"),
          Math.toIntExact(number(tree, "split")),
          number(tree, "row"),
          new Counts(
              number(counts, "read"),
              added,
              dropped,
              number(counts, "delivered"),
              number(counts, "padded"),
              unknown(counts)),
          HexFormat.fromHexDigitsToLong((String) value(tree, "digest")));
    } catch (ClassCastException | ArithmeticException | IllegalArgumentException e) {
      throw invalid("" + e.getMessage());
    }
  }

  private static List<Long> numbers(Map<?, ?> counts, String key, int steps, String what) {
    List<Long> numbers = ((List<?>) value(counts, key)).stream().map(Long.class::cast).toList();
    if (numbers.size() != steps) {
      throw invalid(
          "it counts %d steps that %s rows, the plan has %d"
              .formatted(numbers.size(), what, steps));
    }
    return numbers;
  }

  /** Counts of unknown values; a position of before there were any has none. */
  private static Map<String, Long> unknown(Map<?, ?> counts) {
    Map<String, Long> unknown = new LinkedHashMap<>();
    if (counts.get("unknown") instanceof Map<?, ?> tensors) {
      for (Object tensor : tensors.keySet()) {
        unknown.put((String) tensor, number(tensors, (String) tensor));
      }
    }
    return unknown;
  }

  private static LastmileException invalid(String why) {
    return LastmileException.of(FailureKind.USER, "Invalid position: " + why);
  }

  private static long number(Map<?, ?> tree, String key) {
    long number = (Long) value(tree, key);
    if (number < 0) {
      throw new IllegalArgumentException(key + " is " + number + " (must be >= 0)");
    }
    return number;
  }

  private static Object value(Map<?, ?> tree, String key) {
    @Nullable Object value = tree.get(key);
    if (value == null) {
      throw new IllegalArgumentException(key + " is missing");
    }
    return value;
  }
}
