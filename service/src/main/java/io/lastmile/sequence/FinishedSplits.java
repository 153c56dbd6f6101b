package io.lastmile.sequence;

/** The splits of one dataset of a mix when they are finished, asked for in their order. */
public interface FinishedSplits {
  /** The split of a pass, as soon as it is finished. */
  FinishedSplit take(int pass, int split) throws InterruptedException;

  /** No more splits of this pass will be taken. */
  void endPass(int pass);
}
