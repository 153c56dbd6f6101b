package io.lastmile.dispatch;

import java.time.Duration;

/**
 * When a run of a split is given up, and when the job.
 *
 * @param timeout of a run
 * @param mostFailures of a split, with the last of which the job ends
 * @param repeats whether a split that blocks the sequence may be run by two workers at a time
 */
public record Rules(Duration timeout, int mostFailures, boolean repeats) {}
