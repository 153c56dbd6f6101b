package io.lastmile.sequence;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.Fingerprint;
import io.lastmile.plan.MixPlan;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
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
 * @param skipped for each table, by index: row groups of the split that its next row is of which
 *     were left out, as those could not be read; none where that split has not been begun
 * @param delivered the splits that are delivered already, in whichever order
 * @param places in a mix: how far each dataset has been taken, split and row being 0; else none
 * @param counts of the epoch so far
 * @param digest sum of the hashes of the delivered row identities, modulo 2^64
 * @param values sum of the hashes of the delivered values, modulo 2^64; null: they are not hashed,
 *     or were not from the start of the epoch on
 */
public record Position(
    String fingerprint,
    int epoch,
    long step,
    long rows,
    int split,
    long row,
    List<List<Integer>> skipped,
    DeliveredSplits delivered,
    List<Place> places,
    Counts counts,
    long digest,
    @Nullable Long values) {
  private static final long VERSION = 1;
  private static final int PLACE_NUMBERS = 6;

  public Position {
    places = List.copyOf(places);
    skipped = skipped.stream().map(List::copyOf).toList();
  }

  /** Of the split of a table: row groups that are left out again, by index. */
  public List<Integer> skipped(int table) {
    return skipped.isEmpty() ? List.of() : skipped.get(table);
  }

  /** The start of an epoch. */
  public static Position startOf(int epoch, FeedPlan plan) {
    List<Place> places = Collections.nCopies(members(plan), Place.START);
    return new Position(
        plan.fingerprint(),
        epoch,
        0,
        0,
        0,
        0,
        List.of(),
        DeliveredSplits.NONE,
        places,
        Counts.none(plan),
        0,
        hashesValues(plan) ? 0L : null);
  }

  private static boolean hashesValues(FeedPlan plan) {
    return plan.dataset().certificate() == Dataset.Certificate.FULL;
  }

  private static int members(FeedPlan plan) {
    return plan instanceof MixPlan mix ? mix.members().size() : 0;
  }

  /** The same row of the same epoch after another step, with what was counted until then. */
  Position counting(
      long newStep, long newRows, Counts newCounts, long newDigest, @Nullable Long newValues) {
    return new Position(
        fingerprint,
        epoch,
        newStep,
        newRows,
        split,
        row,
        skipped,
        delivered,
        places,
        newCounts,
        newDigest,
        newValues);
  }

  /** The same with another next row. */
  Position at(int newSplit, long newRow, List<Integer> newSkipped, DeliveredSplits nowDelivered) {
    List<List<Integer>> all = newSkipped.isEmpty() ? List.of() : List.of(newSkipped);
    return new Position(
        fingerprint,
        epoch,
        step,
        rows,
        newSplit,
        newRow,
        all,
        nowDelivered,
        places,
        counts,
        digest,
        values);
  }

  /** The same with other next rows of the datasets of a mix. */
  Position at(List<Place> newPlaces, List<List<Integer>> newSkipped) {
    boolean isAny = newSkipped.stream().anyMatch(some -> !some.isEmpty());
    List<List<Integer>> all = isAny ? newSkipped : List.of();
    return new Position(
        fingerprint,
        epoch,
        step,
        rows,
        split,
        row,
        all,
        delivered,
        newPlaces,
        counts,
        digest,
        values);
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
    if (counts.positives() != null) {
      count.put("positives", Map.of(counts.positives().label(), counts.positives().rows()));
    }
    count.put("unknown", counts.unknown());
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("version", VERSION);
    tree.put("fingerprint", fingerprint);
    tree.put("epoch", (long) epoch);
    tree.put("step", step);
    tree.put("rows", rows);
    tree.put("split", (long) split);
    tree.put("row", row);
    if (!skipped.isEmpty()) {
      tree.put("skipped", skipped.stream().map(Position::longs).toList());
    }
    if (delivered.isOutOfOrder(split)) {
      tree.put("delivered", delivered.tree());
    }
    if (!places.isEmpty()) {
      tree.put("places", places.stream().map(Position::tree).toList());
    }
    tree.put("counts", count);
    tree.put("digest", HexFormat.of().toHexDigits(digest));
    if (values != null) {
      tree.put("values", HexFormat.of().toHexDigits(values));
    }
    return tree;
  }

  private static List<Long> longs(List<Integer> numbers) {
    return numbers.stream().map(Integer::longValue).toList();
  }

  private static List<Long> tree(Place place) {
    return List.of(
        (long) place.pass(),
        (long) place.split(),
        place.row(),
        place.taken(),
        place.read(),
        place.delivered());
  }

  /**
   * The position that a script loaded.
   *
   * @param tree of its JSON
   * @param plan that goes on from it
   * @throws LastmileException of kind USER when it is none, or one of another plan
   */
  public static Position of(Map<?, ?> tree, FeedPlan plan) {
    return of(tree, plan, Position::dropped);
  }

  /**
   * The position that a record of the same plan keeps: with what the last step dropped, which no
   * rank goes on from. As {@link #of}.
   */
  public static Position kept(Map<?, ?> tree, FeedPlan plan) {
    return of(
        tree, plan, (counts, of) -> numbers(counts, "dropped", of.dropSteps().size(), "drop"));
  }

  private static Position of(
      Map<?, ?> tree, FeedPlan plan, BiFunction<Map<?, ?>, FeedPlan, List<Long>> droppedOf) {
    String fingerprint = plan.fingerprint();
    try {
      if (number(tree, "version") != VERSION) {
        throw invalid("version " + tree.get("version") + " (this is version " + VERSION + ")");
      }
      if (!fingerprint.equals(tree.get("fingerprint"))) {
        String saved = String.valueOf(tree.get("fingerprint"));
        throw invalid(
            "it was saved with plan %s, this is plan %s (%s)"
                .formatted(saved, fingerprint, Fingerprint.difference(saved, fingerprint)));
      }
      Map<?, ?> counts = (Map<?, ?>) value(tree, "counts");
      List<Long> added =
          counts.get("added") == null
              ? List.of()
              : numbers(counts, "added", plan.copySteps().size(), "copy");
      List<Long> dropped = droppedOf.apply(counts, plan);
      int split = Math.toIntExact(number(tree, "split"));
      long row = number(tree, "row");
      return new Position(
          fingerprint,
          Math.toIntExact(number(tree, "epoch")),
          number(tree, "step"),
          number(tree, "rows"),
          split,
          row,
          skipped(tree, plan),
          DeliveredSplits.of(tree.get("delivered"), split, row),
          places(tree, members(plan)),
          new Counts(
              number(counts, "read"),
              added,
              dropped,
              number(counts, "delivered"),
              number(counts, "padded"),
              positives(counts, plan),
              unknown(counts)),
          HexFormat.fromHexDigitsToLong((String) value(tree, "digest")),
          hashesValues(plan) && tree.get("values") instanceof String values
              ? HexFormat.fromHexDigitsToLong(values)
              : null);
    } catch (ClassCastException | ArithmeticException | IllegalArgumentException e) {
      throw invalid("" + e.getMessage());
    }
  }

  private static List<List<Integer>> skipped(Map<?, ?> tree, FeedPlan plan) {
    if (!(tree.get("skipped") instanceof List<?> written)) {
      return List.of();
    }
    List<List<Integer>> skipped = new ArrayList<>();
    for (Object table : written) {
      skipped.add(((List<?>) table).stream().map(index -> Math.toIntExact((Long) index)).toList());
    }
    boolean isNegative = skipped.stream().flatMap(List::stream).anyMatch(index -> index < 0);
    if (isNegative || skipped.size() != plan.tables().size()) {
      throw new IllegalArgumentException("skipped " + skipped);
    }
    return skipped;
  }

  private static List<Place> places(Map<?, ?> tree, int members) {
    List<Place> places = new ArrayList<>();
    if (tree.get("places") instanceof List<?> written) {
      for (Object place : written) {
        List<Long> numbers = ((List<?>) place).stream().map(Long.class::cast).toList();
        if (numbers.size() != PLACE_NUMBERS || numbers.stream().anyMatch(number -> number < 0)) {
          throw new IllegalArgumentException("the place " + numbers);
        }
        places.add(
            new Place(
                Math.toIntExact(numbers.get(0)),
                Math.toIntExact(numbers.get(1)),
                numbers.get(2),
                numbers.get(3),
                numbers.get(4),
                numbers.get(5)));
      }
    }
    if (places.size() != members) {
      throw invalid(
          "it has places of %d datasets, the mix has %d".formatted(places.size(), members));
    }
    return places;
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

  /**
   * The dropped rows so far. Only the end of an epoch counts rows that its last step drops, so a
   * position that was saved with another {@code last_step} says as much.
   */
  private static List<Long> dropped(Map<?, ?> counts, FeedPlan plan) {
    int steps = plan.dropSteps().size();
    int others = steps - plan.lastSteps();
    boolean drops = ((List<?>) value(counts, "dropped")).size() > others;
    int lastSteps = drops ? plan.tables().size() : 0;
    List<Long> dropped = new ArrayList<>(numbers(counts, "dropped", others + lastSteps, "drop"));
    dropped.subList(others, dropped.size()).clear();
    dropped.addAll(Collections.nCopies(plan.lastSteps(), 0L));
    return dropped;
  }

  /**
   * The positives so far; not known where the rows before were counted by another label, or not at
   * all.
   */
  private static @Nullable Positives positives(Map<?, ?> counts, FeedPlan plan) {
    Positives none = Positives.none(plan);
    if (none == null || number(counts, "delivered") == 0) {
      return none;
    }
    return counts.get("positives") instanceof Map<?, ?> labels && labels.containsKey(none.label())
        ? none.plus(number(labels, none.label()))
        : null;
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
