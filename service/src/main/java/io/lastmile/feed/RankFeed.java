package io.lastmile.feed;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.error.LastmileException;
import io.lastmile.sequence.Position;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The feeder's side of one rank's feed: its slots, its connection, and what it did with its
 * batches. Any thread.
 */
final class RankFeed implements AutoCloseable {
  private final Hello hello;
  private final Wire wire;
  private final SlotRing ring;

  /** Written by the connection's reader, read by all. */
  private volatile RankProgress progress;

  /** The steps sent and not yet taken, as the position after each; guarded by itself. */
  private final Deque<Position> sent = new ArrayDeque<>();

  /** The position after the step taken last; null: none of this run. Guarded by {@link #sent}. */
  private @Nullable Position taken;

  /** Whether the end of an epoch is the last that was sent; guarded by {@link #sent}. */
  private boolean atEnd;

  private volatile boolean gone;

  /** Whether it said that it goes. */
  private volatile boolean orderly;

  /** Whether all that it said has been heard: it says nothing any more. */
  private volatile boolean heardOut;

  RankFeed(Hello hello, Wire wire, SlotRing ring) {
    this.hello = hello;
    this.wire = wire;
    this.ring = ring;
    this.progress = new RankProgress(hello.rank(), 0, 0, 0);
  }

  Hello hello() {
    return hello;
  }

  SlotRing ring() {
    return ring;
  }

  RankProgress progress() {
    return progress;
  }

  /** Whether the rank has closed its feed or died. */
  boolean gone() {
    return gone;
  }

  /** Whether it has closed its feed in order. */
  boolean orderly() {
    return orderly;
  }

  boolean heardOut() {
    return heardOut;
  }

  /** The rank cannot be reached any more. */
  private void leave() {
    gone = true;
  }

  /**
   * The rank has closed its feed or died, and all that it said has been heard.
   *
   * @param inOrder whether it said that it goes
   */
  void leave(boolean inOrder) {
    orderly = inOrder;
    gone = true;
    heardOut = true;
  }

  /** More rows are to come: the rank has asked for them, or had announced that it will. */
  void expect() {
    synchronized (sent) {
      atEnd = false;
    }
  }

  /** Whether there is nothing for the rank to take, and that is not because it holds all slots. */
  boolean waits() {
    synchronized (sent) {
      return sent.isEmpty() && !atEnd && !ring.allSent();
    }
  }

  /** What the rank says about its steps: int64 step, wait_ns, elapsed_ns. */
  void stepped(ByteBuffer message) {
    synchronized (sent) {
      Position after = sent.poll();
      taken = after == null ? taken : after;
    }
    progress =
        new RankProgress(
            hello.rank(), progress.steps() + 1, message.getLong(8), message.getLong(16));
  }

  /** What the rank says when it closes. */
  void closed(Map<?, ?> json) {
    if (json.get("steps") instanceof Long steps
        && json.get("wait_ns") instanceof Long wait
        && json.get("elapsed_ns") instanceof Long elapsed) {
      progress = new RankProgress(hello.rank(), steps, wait, elapsed);
    }
  }

  /** The position after the step that the rank took last; null: none since it last began. */
  @Nullable Position taken() {
    synchronized (sent) {
      return taken;
    }
  }

  /** The rank begins at another position: what was sent and not taken is not going to be. */
  void restart() {
    synchronized (sent) {
      sent.clear();
      taken = null;
    }
  }

  /** Sends a batch. A connection that broke is its reader's to notice. */
  void send(PackedRows rows, int generation, Position after) {
    synchronized (sent) {
      sent.add(after);
    }
    int slot = ring.send(rows);
    try {
      if (ring.isLarge(slot)) {
        wire.send(Wire.LARGE, large(slot, rows.layout(), generation));
      } else {
        wire.send(Wire.BATCH, slot, generation);
      }
    } catch (IOException _) {
      leave();
    }
  }

  private Map<String, Object> large(int id, Layout layout, int generation) {
    Path path = ring.largePath(id);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("slot", (long) id);
    json.put("path", path.toString());
    json.put("bytes", layout.bytes());
    json.put("layout", layout.description());
    json.put("generation", (long) generation);
    return json;
  }

  /** Sends the end of an epoch. */
  void end(int generation, Position last, Position next) {
    synchronized (sent) {
      atEnd = true;
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("generation", (long) generation);
    json.put("epoch", (long) last.epoch());
    json.put("position", next.tree());
    json.put("steps", last.step());
    json.put("rows", last.rows());
    send(Wire.END, json);
  }

  /** Tells the rank that the run ends. */
  void fail(LastmileException failure) {
    send(Wire.ERROR, Map.of("kind", failure.kind().word(), "message", failure.text()));
  }

  void welcome(Map<String, ?> json) {
    send(Wire.WELCOME, json);
  }

  private void send(int type, Map<String, ?> json) {
    try {
      wire.send(type, json);
    } catch (IOException _) {
      leave();
    }
  }

  /** Closes the connection; the slots go when nobody fills them any more. */
  @Override
  public void close() {
    leave();
    try {
      wire.close();
    } catch (IOException _) {
      // It is gone either way.
    }
  }
}
