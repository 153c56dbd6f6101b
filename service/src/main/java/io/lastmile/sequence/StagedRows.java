package io.lastmile.sequence;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;
import io.lastmile.batch.TensorForm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rows that waited in staging, as they are or permuted. */
public final class StagedRows implements RowSource {
  private final List<PackedRows> buffers;
  private final int[] owner;
  private final int[] number;

  /**
   * The rows of some buffers.
   *
   * @param buffers of one dataset, in order
   * @param order row i is row {@code order[i]} of all rows of the buffers; null: as they are
   */
  public StagedRows(List<PackedRows> buffers, int @Nullable [] order) {
    this.buffers = List.copyOf(buffers);
    int rows = buffers.stream().mapToInt(PackedRows::rows).sum();
    int[] buffer = new int[rows];
    int[] row = new int[rows];
    int at = 0;
    for (int b = 0; b < buffers.size(); b++) {
      for (int r = 0; r < buffers.get(b).rows(); r++) {
        buffer[at] = b;
        row[at] = r;
        at++;
      }
    }
    owner = order == null ? buffer : picked(buffer, order);
    number = order == null ? row : picked(row, order);
  }

  /** Row i is row {@code number[i]} of {@code buffers.get(owner[i])}. */
  StagedRows(List<PackedRows> buffers, int[] owner, int[] number) {
    this.buffers = List.copyOf(buffers);
    this.owner = owner;
    this.number = number;
  }

  /** So many rows, without any value. */
  static StagedRows counted(int rows) {
    int[] none = new int[rows];
    return new StagedRows(List.of(), none, none);
  }

  List<PackedRows> buffers() {
    return buffers;
  }

  /** Bytes of memory that they lie in. */
  public long bytes() {
    return buffers.stream().mapToLong(buffer -> buffer.layout().bytes()).sum();
  }

  /** Index of the buffer of a row. */
  int owner(int row) {
    return owner[row];
  }

  /** Number of a row in its buffer. */
  int number(int row) {
    return number[row];
  }

  private static int[] picked(int[] values, int[] order) {
    int[] result = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      result[i] = values[order[i]];
    }
    return result;
  }

  @Override
  public int rows() {
    return owner.length;
  }

  @Override
  public int fitting(Packer packer, int first, int count, PackedRows to) {
    return packer.fitting(buffers, owner, number, first, count, to);
  }

  @Override
  public long[] lengths(Packer packer, int row) {
    return packer.lengths(buffers.get(owner[row]), number[row]);
  }

  @Override
  public void write(Packer packer, int first, int count, PackedRows to) {
    int from = first;
    while (from < first + count) {
      int run = run(from, first + count);
      if (run > 1) {
        packer.copy(buffers.get(owner[from]), number[from], run, to);
        from += run;
      } else {
        packer.gather(buffers, owner, number, from, first + count - from, to);
        from = first + count;
      }
    }
  }

  /** Length of the run of neighbouring rows of one buffer from an index on. */
  private int run(int from, int end) {
    int run = 1;
    while (from + run < end
        && owner[from + run] == owner[from]
        && number[from + run] == number[from] + run) {
      run++;
    }
    return run;
  }

  @Override
  public long identity(int row) {
    PackedRows rows = buffers.get(owner[row]);
    return rows.identity(identityPlace(rows.layout()), number[row]);
  }

  @Override
  public long copy(int row) {
    PackedRows rows = buffers.get(owner[row]);
    List<Layout.Place> places = rows.layout().places();
    if (places.size() < 2) {
      return 0;
    }
    Layout.Place place = places.get(places.size() - 2);
    return place.form().role() == TensorForm.Role.COPY ? rows.identity(place, number[row]) : 0;
  }

  private static Layout.Place identityPlace(Layout layout) {
    Layout.Place last = layout.places().getLast();
    if (last.form().role() != TensorForm.Role.IDENTITY) {
      throw new IllegalStateException("The row identity is not the last form");
    }
    return last;
  }
}
