package io.lastmile.feed;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a client says first.
 *
 * @param feed name of the dataset
 * @param alone whether the feed is of this rank alone, and not shared by all
 * @param rank of the client, in [0, worldSize)
 * @param worldSize ranks of the job
 * @param epochs that will be iterated, from 0; null: not said
 * @param state position to start from; null: the start of epoch 0
 * @param attempt of the job that it belongs to; null: it knows of none
 */
record Hello(
    String feed,
    boolean alone,
    int rank,
    int worldSize,
    @Nullable Integer epochs,
    @Nullable Map<?, ?> state,
    @Nullable Integer attempt) {
  static Hello of(Map<?, ?> json) {
    try {
      if (!Long.valueOf(Wire.PROTOCOL).equals(json.get("protocol"))) {
        throw invalid(
            "protocol "
                + json.get("protocol")
                + " (this engine speaks protocol "
                + Wire.PROTOCOL
                + "; client and engine must be of one version)");
      }
      int rank = number(json, "rank");
      int worldSize = number(json, "world_size");
      if (rank < 0 || rank >= worldSize) {
        throw invalid("rank " + rank + " of " + worldSize);
      }
      return new Hello(
          (String) value(json, "feed"),
          "this".equals(json.get("ranks")),
          rank,
          worldSize,
          json.get("epochs") == null ? null : (Integer) number(json, "epochs"),
          (Map<?, ?>) json.get("state"),
          json.get("attempt") == null ? null : (Integer) number(json, "attempt"));
    } catch (ClassCastException | ArithmeticException e) {
      throw invalid("" + e.getMessage());
    }
  }

  /** Ranks that share the steps of this feed. */
  int sharers() {
    return alone ? 1 : worldSize;
  }

  /** The client's rank among those that share. */
  int place() {
    return alone ? 0 : rank;
  }

  private static int number(Map<?, ?> json, String key) {
    return Math.toIntExact((Long) value(json, key));
  }

  private static Object value(Map<?, ?> json, String key) {
    @Nullable Object value = json.get(key);
    if (value == null) {
      throw invalid(key + " is missing");
    }
    return value;
  }

  private static LastmileException invalid(String why) {
    return LastmileException.of(FailureKind.USER, "Invalid greeting of a client: " + why);
  }
}
