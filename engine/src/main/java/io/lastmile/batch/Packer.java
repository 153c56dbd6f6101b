package io.lastmile.batch;

import io.lastmile.query.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Writes rows into {@link PackedRows} of one layout: from the query's vectors (the only copy
 * between the engine and the tensor), or from other packed rows of the same forms. Stateless but
 * for its plan; used by the thread that owns the target.
 */
public final class Packer {
  private final List<FormPacker> packers;
  private final List<Layout.Place> places;
  private final List<FormPacker> raggedPackers;
  private final int[] raggedPlaces;

  /** A packer into rows of this layout. */
  public Packer(Layout layout) {
    places = layout.places();
    packers = places.stream().map(FormPacker::of).toList();
    raggedPlaces =
        IntStream.range(0, places.size()).filter(p -> places.get(p).length() >= 0).toArray();
    raggedPackers = Arrays.stream(raggedPlaces).mapToObj(packers::get).toList();
  }

  /**
   * How many of the rows [first, first + count) of the vectors fit into what is left of the target.
   */
  public int fitting(Vectors vectors, int first, int count, PackedRows to) {
    int fit = Math.min(count, to.room());
    for (int r = 0; r < raggedPackers.size(); r++) {
      FormPacker packer = raggedPackers.get(r);
      long left = places.get(raggedPlaces[r]).capacity() - to.length(r);
      for (int i = 0; i < fit; i++) {
        left -= packer.length(vectors, first + i);
        if (left < 0) {
          fit = i;
        }
      }
    }
    return fit;
  }

  /** Values of one row of the vectors, for each ragged form in order. */
  public long[] lengths(Vectors vectors, int row) {
    return raggedPackers.stream().mapToLong(packer -> packer.length(vectors, row)).toArray();
  }

  /**
   * Packs rows [first, first + count) of the vectors; they fit.
   *
   * @throws InvalidValueException for a value that its tensor cannot hold; the target is then of no
   *     use
   */
  public void pack(Vectors vectors, int first, int count, PackedRows to) {
    int row = to.rows();
    for (FormPacker packer : packers) {
      packer.pack(vectors, first, count, to, row);
    }
    to.added(count);
  }

  /**
   * How many of the rows [first, first + count) of packed rows fit into what is left of the target.
   */
  public int fitting(PackedRows from, int first, int count, PackedRows to) {
    int fit = Math.min(count, to.room());
    for (int r = 0; r < raggedPlaces.length; r++) {
      Layout.Place source = raggedPlace(from, r);
      long begin = offset(from, source, first);
      long left = places.get(raggedPlaces[r]).capacity() - to.length(r);
      while (fit > 0 && offset(from, source, first + fit) - begin > left) {
        fit--;
      }
    }
    return fit;
  }

  /** Values of one packed row, for each ragged form in order. */
  public long[] lengths(PackedRows from, int row) {
    long[] lengths = new long[raggedPlaces.length];
    for (int r = 0; r < lengths.length; r++) {
      Layout.Place source = raggedPlace(from, r);
      lengths[r] = offset(from, source, row + 1) - offset(from, source, row);
    }
    return lengths;
  }

  /** Copies packed rows [first, first + count); they fit. */
  public void copy(PackedRows from, int first, int count, PackedRows to) {
    int row = to.rows();
    for (int p = 0; p < places.size(); p++) {
      Layout.Place place = places.get(p);
      Layout.Place source = from.layout().places().get(p);
      if (place.length() >= 0) {
        copyRagged(from, source, first, count, to, place, row);
      } else {
        long bytes = place.form().rowBytes();
        Memory.copy(
            from.address() + source.offset() + first * bytes,
            to.address() + place.offset() + row * bytes,
            count * bytes);
      }
    }
    to.added(count);
  }

  /**
   * How many of the picked rows [first, first + count) fit into what is left of the target; see
   * {@link #gather}.
   */
  public int fitting(
      List<PackedRows> buffers, int[] owner, int[] rows, int first, int count, PackedRows to) {
    int fit = Math.min(count, to.room());
    for (int r = 0; r < raggedPlaces.length; r++) {
      long left = places.get(raggedPlaces[r]).capacity() - to.length(r);
      for (int i = 0; i < fit; i++) {
        PackedRows from = buffers.get(owner[first + i]);
        Layout.Place source = raggedPlace(from, r);
        int row = rows[first + i];
        left -= offset(from, source, row + 1) - offset(from, source, row);
        if (left < 0) {
          fit = i;
        }
      }
    }
    return fit;
  }

  /**
   * Copies rows picked from several packed rows of one layout: row i is row {@code rows[i]} of
   * {@code buffers.get(owner[i])}. They fit.
   */
  public void gather(
      List<PackedRows> buffers, int[] owner, int[] rows, int first, int count, PackedRows to) {
    int row = to.rows();
    for (int p = 0; p < places.size(); p++) {
      Layout.Place place = places.get(p);
      if (place.length() >= 0) {
        for (int i = 0; i < count; i++) {
          PackedRows from = buffers.get(owner[first + i]);
          copyRagged(from, from.layout().places().get(p), rows[first + i], 1, to, place, row + i);
        }
      } else {
        gatherFixed(buffers, p, owner, rows, first, count, to, row);
      }
    }
    to.added(count);
  }

  private void gatherFixed(
      List<PackedRows> buffers,
      int p,
      int[] owner,
      int[] rows,
      int first,
      int count,
      PackedRows to,
      int row) {
    int bytes = places.get(p).form().rowBytes();
    long[] bases = new long[buffers.size()];
    for (int b = 0; b < bases.length; b++) {
      bases[b] = buffers.get(b).address() + buffers.get(b).layout().places().get(p).offset();
    }
    long target = to.address() + places.get(p).offset() + (long) row * bytes;
    for (int i = first; i < first + count; i++) {
      Memory.move(bases[owner[i]] + (long) rows[i] * bytes, target, bytes);
      target += bytes;
    }
  }

  private static void copyRagged(
      PackedRows from,
      Layout.Place source,
      int first,
      int count,
      PackedRows to,
      Layout.Place place,
      int row) {
    int bytes = place.form().dtype().bytes();
    long begin = offset(from, source, first);
    long end = to.length(place.length());
    for (int i = 0; i < count; i++) {
      Memory.putLong(
          to.address() + place.offsets() + 8L * (row + i + 1),
          end + offset(from, source, first + i + 1) - begin);
    }
    long values = offset(from, source, first + count) - begin;
    Memory.copy(
        from.address() + source.offset() + begin * bytes,
        to.address() + place.offset() + end * bytes,
        values * bytes);
    to.lengthen(place.length(), end + values);
  }

  private Layout.Place raggedPlace(PackedRows from, int ragged) {
    return from.layout().places().get(raggedPlaces[ragged]);
  }

  private static long offset(PackedRows rows, Layout.Place place, int row) {
    return Memory.longAt(rows.address() + place.offsets() + 8L * row);
  }
}
