package io.lastmile.dataset;

import java.util.List;

/** Where a table lies. */
public sealed interface Source {
  /**
   * Parquet files.
   *
   * @param paths files, globs or folders, relative to the experiment's folder or absolute
   * @param onCorrupt what a row group that cannot be read does to the run
   */
  record Parquet(List<String> paths, OnCorrupt onCorrupt) implements Source {
    public Parquet {
      paths = List.copyOf(paths);
    }
  }

  /** What a row group that cannot be read does to the run. */
  enum OnCorrupt {
    /** Ends it. */
    FAIL,
    /** Is left out, counted and named in the summary. */
    SKIP
  }
}
