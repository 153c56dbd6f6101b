package io.lastmile.dataset;

import java.util.List;
import java.util.Locale;

/** Where a table lies. */
public sealed interface Source {
  /**
   * Parquet files.
   *
   * @param paths files, globs or folders, relative to the experiment's folder or absolute; at least
   *     one
   * @param onCorrupt what a row group that cannot be read does to the run
   */
  record Parquet(List<String> paths, OnCorrupt onCorrupt) implements Source {
    public Parquet {
      paths = List.copyOf(paths);
      Checks.someNames("parquet", paths);
    }

    /** The files at these paths; one of them that cannot be read ends the run. */
    public static Parquet of(String... paths) {
      return new Parquet(List.of(paths), OnCorrupt.FAIL);
    }

    /** This table from other paths. */
    Parquet paths(String... others) {
      return new Parquet(List.of(others), onCorrupt);
    }

    /** This table with another answer to a row group that cannot be read. */
    public Parquet onCorrupt(OnCorrupt answer) {
      return new Parquet(paths, answer);
    }
  }

  /** What a row group that cannot be read does to the run. */
  enum OnCorrupt {
    /** Ends it. */
    FAIL,
    /** Is left out, counted and named in the summary. */
    SKIP;

    /** The word for it in YAML and JSON. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
