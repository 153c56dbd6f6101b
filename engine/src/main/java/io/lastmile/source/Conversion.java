package io.lastmile.source;

import io.lastmile.dataset.ByteSize;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns the small files of a source into Parquet files with the same rows in the same order, all
 * files with the same columns. One thread.
 */
final class Conversion {
  /** Bytes of all files of a source together. */
  static final long LIMIT = 1L << 30;

  /** Rows of a row group. */
  static final int ROW_GROUP = 8192;

  private static final String ARROW_VIEW = "lastmile_arrow";

  private final Session session;
  private final String element;
  private final Scratch scratch;

  /**
   * A conversion for one source.
   *
   * @param element of the experiment, for errors
   */
  Conversion(Session session, String element, Scratch scratch) {
    this.session = session;
    this.element = element;
    this.scratch = scratch;
  }

  /**
   * The files in Parquet, in their order, each shown as the file that it was.
   *
   * @throws LastmileException of kind USER when a file is not what it should be, or all together
   *     are too large; RESOURCES when there is no room for them
   */
  List<FoundFile> toParquet(Format format, List<FoundFile> files) {
    checkSize(format, files);
    try {
      return switch (format) {
        case CSV -> write(new CsvTables(session, element).readable(files));
        case JSON_LINES -> write(new JsonTables(session, element).readable(files));
        case ARROW -> arrow(files);
        case PARQUET -> files;
      };
    } catch (IOException e) {
      throw LastmileException.user(
          element, "Cannot read \"%s\": %s".formatted(files.getFirst().shown(), e.getMessage()));
    }
  }

  private List<FoundFile> write(List<Checked> tables) {
    return tables.stream().map(table -> write(table, "")).toList();
  }

  private List<FoundFile> arrow(List<FoundFile> files) throws IOException {
    List<FoundFile> converted = new ArrayList<>();
    for (FoundFile file : files) {
      ArrowFile arrow = new ArrowFile(file, element);
      ArrowFile.Content content = arrow.check();
      Checked table = new Checked(file, "SELECT * FROM " + ARROW_VIEW, content.rows());
      // For the lengths of lists, which Parquet does not know.
      String metadata =
          ", KV_METADATA {'ARROW:schema': " + Expressions.literal(content.schema()) + "}";
      arrow.read(stream -> {
        try {
          session.view(ARROW_VIEW, stream);
        } catch (QueryException e) {
          throw unreadable(element, file, e);
        }
        converted.add(write(table, metadata));
        session.execute("DROP VIEW " + ARROW_VIEW);
      });
    }
    return converted;
  }

  /**
   * A file that the engine can read.
   *
   * @param sql a query of its rows, in order
   * @param rows how many it must give
   */
  record Checked(FoundFile file, String sql, long rows) {}

  private void checkSize(Format format, List<FoundFile> files) {
    long bytes = files.stream().mapToLong(FoundFile::bytes).sum();
    if (bytes > LIMIT) {
      throw LastmileException.user(
          element,
          "%s files of %s: too large (at most %s of %s in all; convert them to Parquet)"
              .formatted(
                  format.word(),
                  ByteSize.mebibytes(bytes),
                  ByteSize.mebibytes(LIMIT),
                  format.word()));
    }
  }

  private FoundFile write(Checked table, String options) {
    FoundFile file = table.file();
    try {
      Path parquet = Files.createTempFile(scratch.folder(), "table", ".parquet");
      session.execute(
          "COPY (%s) TO %s (FORMAT parquet, ROW_GROUP_SIZE %d%s)"
              .formatted(table.sql(), Expressions.literal(parquet.toString()), ROW_GROUP, options));
      check(table, parquet);
      return new FoundFile(parquet, file.shown(), Files.size(parquet), file.modified());
    } catch (QueryException e) {
      throw unreadable(element, file, e);
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Cannot write \"%s\" as Parquet: %s".formatted(file.shown(), e.getMessage()),
          e);
    }
  }

  /** The engine's readers have been seen to leave rows out without a word. */
  private void check(Checked table, Path parquet) {
    Object rows =
        session
            .rows("SELECT count(*) FROM read_parquet(%s)".formatted(Expressions.file(parquet)))
            .getFirst()
            .getFirst();
    if (!Long.valueOf(table.rows()).equals(rows)) {
      throw LastmileException.user(
          element,
          "Cannot read \"%s\": the engine reads %s rows of %d (convert it to Parquet)"
              .formatted(table.file().shown(), rows, table.rows()));
    }
  }

  /** The engine's text without the remedies that nobody can use here. */
  static LastmileException unreadable(String element, FoundFile file, QueryException e) {
    FailureKind kind =
        e.kind() == QueryException.Kind.OUT_OF_MEMORY ? FailureKind.RESOURCES : FailureKind.USER;
    String text =
        e.summary().replaceFirst("(?s)\\s*(Possible (fixes|Solution):|Try setting).*", "");
    String message = "Cannot read \"%s\": %s".formatted(file.shown(), text);
    return kind == FailureKind.USER
        ? LastmileException.user(element, message)
        : LastmileException.of(kind, message + " (raise cluster.workers.memory)", e);
  }
}
