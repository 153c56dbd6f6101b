package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;

/** Rows of several datasets of a mix. */
final class MixedRows implements RowSource {
  private final StagedRows picked;
  private final long[] files;

  /**
   * Rows of several datasets.
   *
   * @param picked of all of them
   * @param files by buffer of the rows: the ordinal of the first file of its dataset, in the place
   *     where a row identity has it
   */
  MixedRows(StagedRows picked, long[] files) {
    this.picked = picked;
    this.files = files;
  }

  @Override
  public int rows() {
    return picked.rows();
  }

  @Override
  public int fitting(Packer packer, int first, int count, PackedRows to) {
    return picked.fitting(packer, first, count, to);
  }

  @Override
  public long[] lengths(Packer packer, int row) {
    return picked.lengths(packer, row);
  }

  @Override
  public void write(Packer packer, int first, int count, PackedRows to) {
    picked.write(packer, first, count, to);
  }

  @Override
  public long identity(int row) {
    return files[picked.owner(row)] + picked.identity(row);
  }

  @Override
  public long copy(int row) {
    return picked.copy(row);
  }
}
