package io.lastmile.worker;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.StepSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Slots of ranks that take every batch at once and forget it. Called as {@link StepSink} says, by
 * one thread at a time; closed when nobody fills its slots any more.
 */
public final class Drain implements StepSink, AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Layout layout;
  private final Consumer<PackedRows> batches;

  /** Memory of rows that outgrew the common layout. */
  private final Map<PackedRows, Arena> large = new HashMap<>();

  /** By rank. */
  private final List<MemorySegment> slots = new ArrayList<>();

  /**
   * A drain.
   *
   * @param layout of its slots
   * @param batches hears of each batch before it is forgotten
   */
  public Drain(Layout layout, Consumer<PackedRows> batches) {
    this.layout = layout;
    this.batches = batches;
  }

  @Override
  public PackedRows slot(int rank) {
    while (slots.size() <= rank) {
      slots.add(arena.allocate(layout.bytes(), 64));
    }
    return new PackedRows(slots.get(rank), layout);
  }

  @Override
  @SuppressWarnings("MustBeClosedChecker") // outgrown, publish or close does
  public PackedRows larger(int rank, PackedRows outgrown, Layout larger) {
    Arena own = Arena.ofShared();
    PackedRows rows = new PackedRows(own.allocate(larger.bytes(), 64), larger);
    large.put(rows, own);
    return rows;
  }

  @Override
  public void outgrown(int rank, PackedRows rows) {
    forget(rows);
  }

  @Override
  public void publish(List<PackedRows> ranks, Position after) {
    ranks.forEach(batches);
    ranks.forEach(this::forget);
  }

  private void forget(PackedRows rows) {
    Arena own = large.remove(rows);
    if (own != null) {
      own.close();
    }
  }

  @Override
  public void close() {
    large.values().forEach(Arena::close);
    arena.close();
  }
}
