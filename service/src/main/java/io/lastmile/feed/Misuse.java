package io.lastmile.feed;

import io.lastmile.error.LastmileException;

/**
 * What a rank did that the others cannot go on after.
 *
 * @param rank that did it
 * @param failure of kind TRAINER, about it
 */
public record Misuse(int rank, LastmileException failure) {}
