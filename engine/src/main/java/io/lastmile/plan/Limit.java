package io.lastmile.plan;

/**
 * The end of an epoch after so many rows of the global row sequence.
 *
 * @param step its number among the dataset's steps, from 0
 * @param rows at most
 */
public record Limit(int step, long rows) {
  CountedStep counted() {
    return new CountedStep(null, step, "limit");
  }
}
