package io.lastmile.plan;

/**
 * A small table in memory.
 *
 * @param step the step that finds its rows, its number among the dataset's steps
 * @param rows that can be found
 * @param bytes of its index and columns; tables that several steps use alike are there once
 */
public record SmallTableSize(int step, long rows, long bytes) {}
