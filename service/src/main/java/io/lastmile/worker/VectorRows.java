package io.lastmile.worker;

import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;
import io.lastmile.plan.SplitQuery;
import io.lastmile.query.Vectors;
import io.lastmile.sequence.RowSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rows as the query gives them, not copied yet.
 *
 * @param vectors of the query
 * @param query that gives them
 */
record VectorRows(Vectors vectors, SplitQuery query) implements RowSource {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  @Override
  public int rows() {
    return vectors.rows();
  }

  @Override
  public int fitting(Packer packer, int first, int count, PackedRows to) {
    return packer.fitting(vectors, first, count, to);
  }

  @Override
  public long[] lengths(Packer packer, int row) {
    return packer.lengths(vectors, row);
  }

  @Override
  public void write(Packer packer, int first, int count, PackedRows to) {
    packer.pack(vectors, first, count, to);
  }

  @Override
  public long identity(int row) {
    return ALL.get(ValueLayout.JAVA_LONG, vectors.data(query.identity()) + 8L * row);
  }

  @Override
  public long copy(int row) {
    return query.copies().isEmpty()
        ? 0
        : ALL.get(ValueLayout.JAVA_LONG, vectors.data(query.copyNumber()) + 8L * row);
  }
}
