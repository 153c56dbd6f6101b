package io.lastmile.trace;

/**
 * A place in a batch where a row was used.
 *
 * @param step of the epoch
 * @param rank that got it
 * @param rowOfBatch from 0
 * @param again whether ranks went back behind it, so that this use does not count
 */
public record Use(long step, int rank, long rowOfBatch, boolean again) {}
