package io.lastmile.dataset;

import java.util.List;

/** Where the rows of a dataset come from: a table, or other datasets. */
public sealed interface Source permits Source.Files, Mix, Source.Unread {
  /**
   * Where a table lies, and in which format. Paths are relative to the experiment's folder or
   * absolute.
   */
  sealed interface Files extends Source {
    /** The key of this format in YAML and JSON. */
    String kind();

    /** Files, globs or folders; at least one. */
    List<String> paths();
  }

  /**
   * Parquet files.
   *
   * @param paths files, globs or folders; at least one
   * @param onCorrupt what a row group that cannot be read does to the run
   * @param schema what files with different columns do
   */
  record Parquet(List<String> paths, OnCorrupt onCorrupt, Schema schema) implements Files {
    public Parquet {
      paths = List.copyOf(paths);
      Checks.someNames("parquet", paths);
    }

    /**
     * The files at these paths, all with the same columns; one of them that cannot be read ends the
     * run.
     */
    public static Parquet of(String... paths) {
      return new Parquet(List.of(paths), OnCorrupt.FAIL, Schema.STRICT);
    }

    /** This table with another answer to a row group that cannot be read. */
    public Parquet onCorrupt(OnCorrupt answer) {
      return new Parquet(paths, answer, schema);
    }

    /** This table with another answer to files with different columns. */
    public Parquet schema(Schema answer) {
      return new Parquet(paths, onCorrupt, answer);
    }

    @Override
    public String kind() {
      return "parquet";
    }
  }

  /** Small files of comma-separated values (RFC 4180), UTF-8, the first line naming the columns. */
  record Csv(List<String> paths) implements Files {
    public Csv {
      paths = List.copyOf(paths);
      Checks.someNames("csv", paths);
    }

    /** The files at these paths. */
    public static Csv of(String... paths) {
      return new Csv(List.of(paths));
    }

    @Override
    public String kind() {
      return "csv";
    }
  }

  /** Small files with one JSON object a line, UTF-8. */
  record JsonLines(List<String> paths) implements Files {
    public JsonLines {
      paths = List.copyOf(paths);
      Checks.someNames("json", paths);
    }

    /** The files at these paths. */
    public static JsonLines of(String... paths) {
      return new JsonLines(List.of(paths));
    }

    @Override
    public String kind() {
      return "json";
    }
  }

  /** Small Arrow IPC files, of the file or the stream format. */
  record Arrow(List<String> paths) implements Files {
    public Arrow {
      paths = List.copyOf(paths);
      Checks.someNames("arrow", paths);
    }

    /** The files at these paths. */
    public static Arrow of(String... paths) {
      return new Arrow(List.of(paths));
    }

    @Override
    public String kind() {
      return "arrow";
    }
  }

  /**
   * Stands for a source, or a mix, with a mistake where mistakes are kept, so that the steps behind
   * it can be looked at; an experiment with such a source cannot be planned.
   */
  record Unread() implements Source {}

  /** What files with different columns do. */
  enum Schema implements Worded {
    /** They are refused. */
    STRICT,
    /** A column that a file lacks is null there; types are widened where nothing is lost. */
    UNION
  }

  /** What a row group that cannot be read does to the run. */
  enum OnCorrupt implements Worded {
    /** Ends it. */
    FAIL,
    /** Is left out, counted and named in the summary. */
    SKIP
  }
}
