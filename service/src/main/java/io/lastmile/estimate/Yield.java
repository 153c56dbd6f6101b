package io.lastmile.estimate;

/**
 * What the steps leave of a row group.
 *
 * @param rows delivered, copies counted
 * @param bytes of their values in the batch, with offsets, lengths and masks
 */
record Yield(long rows, long bytes) {}
