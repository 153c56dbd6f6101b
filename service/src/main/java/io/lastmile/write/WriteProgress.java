package io.lastmile.write;

/**
 * How far a writing is.
 *
 * @param rowsRead of the source, of the splits that are wholly in the sequence
 * @param rowsOfEpoch that the source has
 * @param rowsWritten that are in the sequence
 */
public record WriteProgress(long rowsRead, long rowsOfEpoch, long rowsWritten) {}
