package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;

/** Rows on their way into the sequence, in their order. */
public interface RowSource {
  /** How many there are. */
  int rows();

  /** How many of the rows [first, first + count) fit into the target. */
  int fitting(Packer packer, int first, int count, PackedRows to);

  /** Values of a row, for each ragged form. */
  long[] lengths(Packer packer, int row);

  /** Writes rows [first, first + count) into the target; they fit. */
  void write(Packer packer, int first, int count, PackedRows to);

  /** The row identity of a row: its file and its number there. */
  long identity(int row);

  /** The copy number of a row, 0 where no step copies rows. */
  long copy(int row);
}
