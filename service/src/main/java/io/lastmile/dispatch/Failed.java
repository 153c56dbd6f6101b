package io.lastmile.dispatch;

/** What becomes of a split of which a run has failed. */
public enum Failed {
  /** Nothing: its rows come from another run, or nobody needs them. */
  UNNEEDED,
  /** It is run again. */
  AGAIN,
  /** It has failed too often: the job ends. */
  TOO_OFTEN
}
