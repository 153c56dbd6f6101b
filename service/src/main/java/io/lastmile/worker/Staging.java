package io.lastmile.worker;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;
import io.lastmile.sequence.RowSource;
import io.lastmile.sequence.StagedRows;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rows of one split while they wait for their turn. Used by the worker that runs the split. */
final class Staging implements AutoCloseable {
  private final StagingPool pool;
  private final Packer packer;
  private final List<PackedRows> buffers = new ArrayList<>();
  private long bytes;

  Staging(StagingPool pool) {
    this.pool = pool;
    this.packer = new Packer(pool.layout());
  }

  /** Bytes in use. */
  long bytes() {
    return bytes;
  }

  boolean isEmpty() {
    return buffers.isEmpty();
  }

  /** Copies rows in. */
  void add(RowSource rows) {
    int from = 0;
    while (from < rows.rows()) {
      PackedRows last = buffers.isEmpty() ? open(pool.take()) : buffers.getLast();
      int count = rows.rows() - from;
      Packer own = last.layout() == pool.layout() ? packer : new Packer(last.layout());
      int fit = rows.fitting(own, from, count, last);
      if (fit > 0) {
        rows.write(own, from, fit, last);
        from += fit;
      } else if (last.rows() > 0) {
        open(pool.take());
      } else {
        replaceEmpty(last, rows.lengths(own, from));
      }
    }
  }

  private PackedRows open(PackedRows rows) {
    buffers.add(rows);
    bytes += rows.layout().bytes();
    return rows;
  }

  /** One row alone is too long for a common buffer: it gets one of its own. */
  private void replaceEmpty(PackedRows empty, long[] lengths) {
    buffers.removeLast();
    bytes -= empty.layout().bytes();
    pool.giveBack(empty);
    Layout layout = pool.layout();
    long[] capacities = layout.capacities();
    for (int ragged = 0; ragged < capacities.length; ragged++) {
      capacities[ragged] = Math.max(capacities[ragged], lengths[ragged]);
    }
    open(pool.take(layout.resized(layout.rows(), capacities)));
  }

  /** Rows copied in so far. */
  int rows() {
    return buffers.stream().mapToInt(PackedRows::rows).sum();
  }

  /** The rows in an order; null: as they came. */
  StagedRows ordered(int @Nullable [] order) {
    return new StagedRows(buffers, order);
  }

  /** Leaves the memory to somebody else: what gives it back. */
  Runnable handedOver() {
    List<PackedRows> handed = List.copyOf(buffers);
    buffers.clear();
    bytes = 0;
    return () -> handed.forEach(pool::giveBack);
  }

  /** Gives all memory back. */
  @Override
  public void close() {
    buffers.forEach(pool::giveBack);
    buffers.clear();
    bytes = 0;
  }
}
