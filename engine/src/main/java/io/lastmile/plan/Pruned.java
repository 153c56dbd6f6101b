package io.lastmile.plan;

import java.util.List;

/**
 * What of a dataset's source is not read, because its leading filters would keep none of its rows.
 *
 * @param files not read; those that their partition rules out are not even opened
 * @param rowGroups not read, of the files that were opened
 * @param rows of those row groups
 * @param by the conditions that ruled them out
 */
public record Pruned(int files, long rowGroups, long rows, List<String> by) {
  public Pruned {
    by = List.copyOf(by);
  }
}
