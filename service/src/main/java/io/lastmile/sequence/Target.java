package io.lastmile.sequence;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.batch.Packer;

/**
 * The rows of a rank's batch while it is filled.
 *
 * @param rows to fill
 * @param packer of their layout
 */
record Target(PackedRows rows, Packer packer) {
  static Target of(PackedRows rows) {
    return new Target(rows, new Packer(rows.layout()));
  }

  /** A layout in which these rows and one more of the given lengths fit, with room to grow. */
  Layout larger(long[] lengths) {
    Layout layout = rows.layout();
    long[] capacities = layout.capacities();
    for (int ragged = 0; ragged < capacities.length; ragged++) {
      long needed = rows.length(ragged) + lengths[ragged];
      if (needed > capacities[ragged]) {
        capacities[ragged] = Math.max(needed, 2 * capacities[ragged]);
      }
    }
    return layout.resized(layout.rows(), capacities);
  }
}
