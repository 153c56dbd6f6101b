package io.lastmile.trace;

/**
 * A row of a split.
 *
 * @param table index of its dataset in the plan of the feed
 * @param ordinal of the split over all passes: split s of pass p has p · splits of a pass + s
 * @param row its number among those of the split that stay, in the order of the sequence
 */
record SplitRow(int table, int ordinal, long row) {}
