package io.lastmile.worker;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory for rows that wait for their turn, used again from split to split. Any thread; how much
 * may be in use is the dispatcher's to say.
 */
public final class StagingPool implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Layout layout;

  /** Segments of the common layout that nobody uses; guarded by this. */
  private final Deque<MemorySegment> free = new ArrayDeque<>();

  /** Arenas of the rows that need a layout of their own; guarded by this. */
  private final Map<PackedRows, Arena> odd = new HashMap<>();

  /** The segments of the rows in use; guarded by this. */
  private final Map<PackedRows, MemorySegment> used = new HashMap<>();

  private boolean closed;

  public StagingPool(Layout layout) {
    this.layout = layout;
  }

  /** The common layout. */
  public Layout layout() {
    return layout;
  }

  /** Empty rows of the common layout. */
  public synchronized PackedRows take() {
    checkOpen();
    MemorySegment segment = free.isEmpty() ? arena.allocate(layout.bytes(), 64) : free.pop();
    PackedRows rows = new PackedRows(segment, layout);
    used.put(rows, segment);
    return rows;
  }

  /** Empty rows of another layout. */
  @SuppressWarnings("MustBeClosedChecker") // giveBack closes it
  public synchronized PackedRows take(Layout other) {
    checkOpen();
    Arena own = Arena.ofShared();
    PackedRows rows = new PackedRows(own.allocate(other.bytes(), 64), other);
    odd.put(rows, own);
    return rows;
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("The epoch is over");
    }
  }

  /** Takes rows back; they must not be used any more. */
  public synchronized void giveBack(PackedRows rows) {
    MemorySegment segment = used.remove(rows);
    Arena own = odd.remove(rows);
    if (segment != null) {
      free.push(segment);
    } else if (own != null) {
      own.close();
    }
    freeIfUnused();
  }

  /** Frees all memory as soon as no rows of it are in use. */
  @Override
  public synchronized void close() {
    closed = true;
    freeIfUnused();
  }

  private void freeIfUnused() {
    if (closed && used.isEmpty() && odd.isEmpty() && arena.scope().isAlive()) {
      arena.close();
    }
  }
}
