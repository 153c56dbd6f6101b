package io.lastmile.dispatch;

import io.lastmile.split.Split;

/**
 * A split for a worker.
 *
 * @param split to run
 * @param mode how
 * @param bytes of staging reserved for it
 */
public record Assignment(Split split, DispatcherState.Mode mode, long bytes) {}
