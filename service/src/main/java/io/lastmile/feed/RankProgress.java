package io.lastmile.feed;

/**
 * What one rank did with a feed, by its own clock.
 *
 * @param rank from 0
 * @param steps batches that its {@code next()} has returned, in all epochs
 * @param waitNanos time inside {@code next()}
 * @param elapsedNanos time since its first {@code next()}
 */
public record RankProgress(int rank, long steps, long waitNanos, long elapsedNanos) {}
