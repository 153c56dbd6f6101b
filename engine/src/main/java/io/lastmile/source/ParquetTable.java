package io.lastmile.source;

import io.lastmile.dataset.Source;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The files, row groups and columns of a table, read once from the footers. Immutable. */
public final class ParquetTable {
  private static final Comparator<String> BYTEWISE =
      Comparator.comparing(text -> text.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private final List<TableFile> files;
  private final List<TableColumn> columns;
  private final Path root;

  private ParquetTable(List<TableFile> files, List<TableColumn> columns, Path root) {
    this.files = List.copyOf(files);
    this.columns = List.copyOf(columns);
    this.root = root;
  }

  /**
   * Finds the files of a source, converts them to Parquet if they are something else, and reads
   * their footers.
   *
   * @param folder of the experiment, where relative paths start
   * @param element of the source's paths in the experiment, such as {@code
   *     datasets.train.source.parquet}
   * @param threads that read footers, &gt; 0
   * @param scratch for files that are converted
   * @throws LastmileException of kind USER when a path names nothing, a file is not of its format
   *     or cannot be read, or two files have different columns
   */
  public static ParquetTable open(
      Engine engine, Source source, Path folder, String element, int threads, Scratch scratch) {
    Format format = Format.of(source);
    FileFinder finder = new FileFinder(folder, element, format);
    source.paths().forEach(finder::find);
    Path root = finder.root();
    List<FoundFile> found = new ArrayList<>(finder.files());
    found.sort(Comparator.comparing(file -> relative(root, file.path()), BYTEWISE));
    try (Session session = engine.connect()) {
      List<FoundFile> data =
          format == Format.PARQUET
              ? found
              : new Conversion(session, element, scratch).toParquet(format, found);
      List<Footer> footers = new FooterReader(element).read(data, threads);
      Schemas.Columns columns = new Schemas(session, element).columns(data, footers, rule(source));
      List<TableFile> files = tableFiles(root, found, data, columns.files(), footers);
      return new ParquetTable(files, columns.columns(), root);
    }
  }

  private static Source.Schema rule(Source source) {
    return source instanceof Source.Parquet parquet ? parquet.schema() : Source.Schema.STRICT;
  }

  private static List<TableFile> tableFiles(
      Path root,
      List<FoundFile> found,
      List<FoundFile> data,
      List<FileColumns> columns,
      List<Footer> footers) {
    List<TableFile> files = new ArrayList<>(found.size());
    for (int i = 0; i < found.size(); i++) {
      FoundFile file = found.get(i);
      String relative = relative(root, file.path());
      files.add(
          new TableFile(
              file.path(),
              data.get(i).path(),
              relative,
              file.bytes(),
              file.modified(),
              columns.get(i),
              footers.get(i).rowGroups(),
              partitions(relative)));
    }
    return files;
  }

  private static String relative(Path root, Path path) {
    return root.relativize(path).toString().replace(path.getFileSystem().getSeparator(), "/");
  }

  private static Map<String, String> partitions(String relative) {
    Map<String, String> partitions = new LinkedHashMap<>();
    String[] names = relative.split("/");
    for (int i = 0; i < names.length - 1; i++) {
      int equals = names[i].indexOf('=');
      if (equals > 0) {
        partitions.put(
            decoded(names[i].substring(0, equals)), decoded(names[i].substring(equals + 1)));
      }
    }
    return partitions;
  }

  /** Writers escape what a file's name cannot hold as %XX. */
  private static String decoded(String name) {
    try {
      return URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return name;
    }
  }

  /** In the order of their relative paths, by bytes of UTF-8; never empty. */
  public List<TableFile> files() {
    return files;
  }

  /**
   * In the order of their first appearance in the files. Columns from the names of folders are not
   * among them.
   */
  public List<TableColumn> columns() {
    return columns;
  }

  /** The folder that the files' relative paths start from. */
  public Path root() {
    return root;
  }

  /** The rows of all files. */
  public long rows() {
    return files.stream().mapToLong(TableFile::rows).sum();
  }
}
