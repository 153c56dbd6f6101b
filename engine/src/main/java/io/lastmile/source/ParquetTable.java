package io.lastmile.source;

import io.lastmile.dataset.Source;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** The files, row groups and columns of a table, read once from the footers. Immutable. */
public final class ParquetTable {
  private static final Comparator<String> BYTEWISE =
      Comparator.comparing(text -> text.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private final List<TableFile> files;
  private final List<TableColumn> columns;
  private final Path root;
  private final int found;

  private ParquetTable(List<TableFile> files, List<TableColumn> columns, Path root, int found) {
    this.files = List.copyOf(files);
    this.columns = List.copyOf(columns);
    this.root = root;
    this.found = found;
  }

  /** Opens all of a table, without statistics. */
  public static ParquetTable open(
      Engine engine,
      Source.Files source,
      Path folder,
      String element,
      int threads,
      Scratch scratch) {
    return open(engine, source, folder, element, threads, scratch, Selection.ALL);
  }

  /**
   * Finds the files of a source, chooses among them by their folders, converts them to Parquet if
   * they are something else, and reads their footers.
   *
   * @param folder of the experiment, where relative paths start
   * @param element of the source's paths in the experiment, such as {@code
   *     datasets.train.source.parquet}
   * @param threads that read footers, &gt; 0
   * @param scratch for files that are converted
   * @param selection of partitions; when it leaves none, the first file is opened for its columns,
   *     without row groups
   * @throws LastmileException of kind USER when a path names nothing, a file is not of its format
   *     or cannot be read, or two files have different columns or partitions
   */
  public static ParquetTable open(
      Engine engine,
      Source.Files source,
      Path folder,
      String element,
      int threads,
      Scratch scratch,
      Selection selection) {
    Format format = Format.of(source);
    FileFinder finder = new FileFinder(folder, element, format);
    source.paths().forEach(finder::find);
    Path root = finder.root();
    List<FoundFile> found = new ArrayList<>(finder.files());
    found.sort(Comparator.comparing(file -> relative(root, file.path()), BYTEWISE));
    List<String> names = found.stream().map(file -> relative(root, file.path())).toList();
    Partitions partitions = Partitions.of(names, element);
    List<Integer> chosen = chosen(partitions, found.size(), selection.partitions());
    List<Integer> opened = chosen.isEmpty() ? List.of(0) : chosen;
    try (Session session = engine.connect()) {
      List<FoundFile> some = opened.stream().map(found::get).toList();
      List<FoundFile> data =
          format == Format.PARQUET
              ? some
              : new Conversion(session, element, scratch).toParquet(format, some);
      List<Instant> changed = some.stream().map(ParquetTable::changed).toList();
      List<Footer> footers = footers(format, element, selection).read(data, threads);
      partitions.check(
          opened.stream().map(names::get).toList(),
          footers.stream().map(footer -> footer.schema().columns()).toList(),
          element);
      Schemas.Columns columns =
          new Schemas(session, element, format).columns(data, footers, rule(source));
      List<TableFile> files = new ArrayList<>();
      for (int i = 0; i < opened.size(); i++) {
        int file = opened.get(i);
        FoundFile of = found.get(file);
        files.add(
            new TableFile(
                of.path(),
                data.get(i).path(),
                names.get(file),
                of.bytes(),
                format == Format.PARQUET ? footers.get(i).hash() : hash(of, element),
                of.modified(),
                changed.get(i),
                columns.files().get(i).within(partitions.literals(file)),
                chosen.isEmpty() ? List.of() : footers.get(i).rowGroups(),
                partitions.values(file)));
      }
      List<TableColumn> all = new ArrayList<>(columns.columns());
      all.addAll(partitions.columns());
      return new ParquetTable(files, all, root, found.size());
    }
  }

  /**
   * Whether a source would read a file, were it there.
   *
   * @param folder of the experiment, where relative paths start
   * @param file absolute
   */
  public static boolean wouldRead(Source.Files source, Path folder, Path file) {
    return FileFinder.wouldFind(source, folder, file);
  }

  /**
   * Where it cannot be told, the file's footer cannot be read either, which is said better then.
   */
  private static Instant changed(FoundFile file) {
    try {
      return TableFile.changed(file.path());
    } catch (IOException _) {
      return Instant.EPOCH;
    }
  }

  private static String hash(FoundFile file, String element) {
    try {
      return Sha256.ofFile(file.path());
    } catch (IOException e) {
      throw LastmileException.user(
          element, "Cannot read \"%s\": %s".formatted(file.shown(), e.getMessage()));
    }
  }

  /** The statistics of files that were converted are not those of the source. */
  private static FooterReader footers(Format format, String element, Selection selection) {
    return new FooterReader(element, format == Format.PARQUET ? selection.statistics() : Set.of());
  }

  private static Source.Schema rule(Source.Files source) {
    return source instanceof Source.Parquet parquet ? parquet.schema() : Source.Schema.STRICT;
  }

  /** The files whose partitions are read. */
  private static List<Integer> chosen(
      Partitions partitions, int files, Selection.PartitionFilter filter) {
    if (partitions.columns().isEmpty()) {
      return IntStream.range(0, files).boxed().toList();
    }
    List<List<String>> tuples =
        IntStream.range(0, files)
            .mapToObj(file -> List.copyOf(partitions.literals(file).values()))
            .toList();
    Set<List<String>> read = filter.read(partitions.columns(), new LinkedHashSet<>(tuples));
    return IntStream.range(0, files)
        .filter(file -> read.contains(tuples.get(file)))
        .boxed()
        .toList();
  }

  private static String relative(Path root, Path path) {
    return root.relativize(path).toString().replace(path.getFileSystem().getSeparator(), "/");
  }

  /** The same table without the row groups that are not among those of these files. */
  public ParquetTable only(List<TableFile> some) {
    return new ParquetTable(some, columns, root, found);
  }

  /** In the order of their relative paths, by bytes of UTF-8; never empty. */
  public List<TableFile> files() {
    return files;
  }

  /**
   * In the order of their first appearance in the files; behind them those that the names of
   * folders give.
   */
  public List<TableColumn> columns() {
    return columns;
  }

  /** The folder that the files' relative paths start from. */
  public Path root() {
    return root;
  }

  /** How many files the source has, with those that were not opened. */
  public int found() {
    return found;
  }

  /** The rows of all files. */
  public long rows() {
    return files.stream().mapToLong(TableFile::rows).sum();
  }
}
