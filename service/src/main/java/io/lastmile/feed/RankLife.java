package io.lastmile.feed;

/**
 * What the feeds of a job see of a rank, to tell whether it stands still.
 *
 * @param signs how often it opened or closed a feed, took a step or asked for rows; only compared
 * @param waits whether it may be waiting for a feed, or its process has ended: then it cannot be
 *     told from one that stands still
 */
public record RankLife(long signs, boolean waits) {}
