package io.lastmile.trace;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.sequence.Place;
import io.lastmile.sequence.SplitCounts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the record of a run says of an epoch: where ranks began, and how many rows splits gave. */
public final class RecordedEpoch {
  private static final long VERSION = 1;
  private static final int PLACE_NUMBERS = 4;

  private final String dataset;
  private final int epoch;
  private final String fingerprint;
  private final String engine;
  private final List<Start> starts;
  private final List<long[]> counts;

  private RecordedEpoch(
      String dataset,
      int epoch,
      String fingerprint,
      String engine,
      List<Start> starts,
      List<long[]> counts) {
    this.dataset = dataset;
    this.epoch = epoch;
    this.fingerprint = fingerprint;
    this.engine = engine;
    this.starts = List.copyOf(starts);
    this.counts = List.copyOf(counts);
  }

  /**
   * Reads it.
   *
   * @param file {@code lineage/<dataset>-<epoch>.json} of the record; the counts lie beside it
   * @throws LastmileException of kind USER when it is something else, or of an epoch whose splits
   *     came in the order of arrival
   */
  public static RecordedEpoch read(Path file) {
    try {
      if (!(Json.parse(Files.readString(file)) instanceof Map<?, ?> tree)
          || number(tree, "version") != VERSION) {
        throw new IllegalArgumentException("another version");
      }
      List<Start> starts = new ArrayList<>();
      int tables = Math.toIntExact(number(tree, "tables"));
      for (Object start : (List<?>) value(tree, "beginnings")) {
        checkOrder((Map<?, ?>) start, tree);
        starts.add(start((Map<?, ?>) start, tables));
      }
      String name = file.getFileName().toString().replaceFirst("\\.json$", "");
      List<long[]> counts = new ArrayList<>();
      for (int table = 0; table < tables; table++) {
        counts.add(counts(file.resolveSibling(name + "." + table + ".counts")));
      }
      return new RecordedEpoch(
          (String) value(tree, "dataset"),
          Math.toIntExact(number(tree, "epoch")),
          (String) value(tree, "fingerprint"),
          (String) value(tree, "engine"),
          starts,
          counts);
    } catch (IOException | ClassCastException | ArithmeticException | IllegalArgumentException e) {
      throw LastmileException.of(
          FailureKind.USER,
          "Not the lineage of an epoch: %s (%s)".formatted(file, e.getMessage()),
          e);
    }
  }

  private static void checkOrder(Map<?, ?> start, Map<?, ?> tree) {
    if (Dataset.Order.ARRIVAL.word().equals(start.get("order"))) {
      throw LastmileException.of(
          FailureKind.USER,
          "Cannot trace rows of dataset \"%s\": its splits came in the order of arrival in epoch %s, and which that was is not recorded (must be order: deterministic)"
              .formatted(tree.get("dataset"), tree.get("epoch")));
    }
  }

  private static Start start(Map<?, ?> tree, int tables) {
    List<Place> places = new ArrayList<>();
    for (Object place : (List<?>) value(tree, "places")) {
      List<Long> numbers = ((List<?>) place).stream().map(Long.class::cast).toList();
      if (numbers.size() != PLACE_NUMBERS) {
        throw new IllegalArgumentException("the place " + numbers);
      }
      places.add(
          new Place(
              Math.toIntExact(numbers.get(0)),
              Math.toIntExact(numbers.get(1)),
              numbers.get(2),
              numbers.get(3),
              0,
              0));
    }
    int ranks = Math.toIntExact(number(tree, "ranks"));
    int batch = Math.toIntExact(number(tree, "batch"));
    long row = number(tree, "row");
    long toRow = number(tree, "to_row");
    if (places.size() != tables || ranks < 1 || batch < 1 || toRow < row) {
      throw new IllegalArgumentException("the beginning " + tree);
    }
    Integer rank = tree.get("rank") instanceof Long alone ? Math.toIntExact(alone) : null;
    return new Start(rank, ranks, batch, number(tree, "step"), row, toRow, places);
  }

  private static Object value(Map<?, ?> tree, String key) {
    Object value = tree.get(key);
    if (value == null) {
      throw new IllegalArgumentException(key + " is missing");
    }
    return value;
  }

  private static long number(Map<?, ?> tree, String key) {
    long number = (Long) value(tree, key);
    if (number < 0) {
      throw new IllegalArgumentException(key + " is " + number);
    }
    return number;
  }

  /** A record that ended early may lack the file, or the end of it. */
  private static long[] counts(Path file) throws IOException {
    if (!Files.exists(file)) {
      return new long[0];
    }
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    long[] counts = new long[bytes.remaining() / Long.BYTES];
    bytes.asLongBuffer().get(counts);
    return counts;
  }

  /** The dataset of the feed. */
  public String dataset() {
    return dataset;
  }

  /** Its number, from 0. */
  public int epoch() {
    return epoch;
  }

  String fingerprint() {
    return fingerprint;
  }

  String engine() {
    return engine;
  }

  /** In the order of time; those that took no row are left out. */
  List<Start> starts() {
    return starts.stream().filter(start -> start.toRow() > start.row()).toList();
  }

  /** In the order of time, also those that took no row. */
  List<Start> allStarts() {
    return starts;
  }

  /** How many rows a split of a table gave; {@link SplitCounts#UNKNOWN}: it was not run. */
  long rows(int table, int ordinal) {
    long[] of = counts.get(table);
    return ordinal < of.length ? of[ordinal] : SplitCounts.UNKNOWN;
  }

  /** The failure of a record that lacks counts of splits whose rows ranks took. */
  LastmileException incomplete() {
    return LastmileException.of(
        FailureKind.DATA,
        "The record of the run lacks rows of epoch %d of dataset \"%s\" that ranks took (it was not written to its end)"
            .formatted(epoch, dataset));
  }

  /** How many splits of a table have a count, or stand before one that has. */
  int splits(int table) {
    return counts.get(table).length;
  }
}
