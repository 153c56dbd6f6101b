package io.lastmile.estimate;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.batch.TensorForm;
import io.lastmile.plan.SplitQuery;
import io.lastmile.split.Split;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds out from delivered batches what each row group gave. Row groups are named by the row
 * identity of their first row. Used by one thread at a time.
 */
final class Yields {
  private final TreeMap<Long, long[]> yields = new TreeMap<>();

  /** Of these row groups and no others. */
  Yields(List<Split.Part> parts) {
    parts.forEach(part -> yields.put(SplitQuery.identity(part), new long[2]));
  }

  Map<Long, Yield> byIdentity() {
    Map<Long, Yield> found = new HashMap<>();
    yields.forEach((identity, sums) -> found.put(identity, new Yield(sums[0], sums[1])));
    return found;
  }

  /** Counts the rows of a batch without padding. */
  void add(PackedRows batch) {
    List<Layout.Place> places = batch.layout().places();
    Layout.Place identity = places.getLast();
    long fixed = places.stream().mapToLong(Yields::fixedBytes).sum();
    List<Layout.Place> ragged = places.stream().filter(Yields::varies).toList();
    for (int row = 0; row < batch.rows(); row++) {
      long bytes = fixed;
      for (Layout.Place place : ragged) {
        bytes += batch.values(place, row) * place.form().dtype().bytes();
      }
      long from = batch.identity(identity, row);
      long[] sums = Objects.requireNonNull(yields.floorEntry(from)).getValue();
      sums[0]++;
      sums[1] += bytes;
    }
  }

  private static boolean varies(Layout.Place place) {
    return place.form().ragged() && isSeen(place.form());
  }

  private static boolean isSeen(TensorForm form) {
    return form.role() != TensorForm.Role.IDENTITY && form.role() != TensorForm.Role.COPY;
  }

  /** Bytes of each row whatever its values; a mask has the offsets of its tensor. */
  private static long fixedBytes(Layout.Place place) {
    TensorForm form = place.form();
    if (!isSeen(form)) {
      return 0;
    }
    if (!form.ragged()) {
      return form.rowBytes();
    }
    boolean mask = form.role() == TensorForm.Role.MASK;
    return mask ? 0 : form.kind() == TensorForm.Kind.KEYED ? Integer.BYTES : Long.BYTES;
  }

  /** Bytes of each row of a layout; null: they vary. */
  static @Nullable Long rowBytes(Layout layout) {
    return layout.places().stream().anyMatch(Yields::varies)
        ? null
        : Long.valueOf(layout.places().stream().mapToLong(Yields::fixedBytes).sum());
  }
}
