package io.lastmile.write;

import io.lastmile.source.RowGroupFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files of the folder: encoded runs of rows, whichever worker is ready first, one after the
 * other in the order of the sequence, a new file when one is large enough. Any thread.
 */
final class PartFiles implements AutoCloseable {
  /** A file that has as many bytes is followed by another. */
  static final long ENOUGH_BYTES = 256L << 20;

  private final TargetFolder folder;
  private final long enough;

  /** Encoded runs that wait for those before them, by their number; guarded by this. */
  private final Map<Integer, Path> waiting = new HashMap<>();

  /** Guarded by this. */
  private final List<Part> parts = new ArrayList<>();

  /** The run that comes next; guarded by this. */
  private int next;

  /** The file that is being written; guarded by this. */
  private @Nullable RowGroupFile open;

  /**
   * A file.
   *
   * @param name in the folder
   * @param rows of it
   * @param bytes of it
   */
  record Part(String name, long rows, long bytes) {}

  PartFiles(TargetFolder folder, long enough) {
    this.folder = folder;
    this.enough = enough;
  }

  /** The name of a file. */
  static String name(int part) {
    return "part-%05d.parquet".formatted(part);
  }

  /**
   * Adds a run of rows, and all behind it that waited.
   *
   * @param number of the run, from 0 without gaps
   * @param path of a Parquet file, which is gone afterwards or later
   */
  synchronized void add(int number, Path path) throws IOException {
    waiting.put(number, path);
    Path ready = waiting.remove(next);
    while (ready != null) {
      append(ready);
      next++;
      ready = waiting.remove(next);
    }
  }

  private void append(Path path) throws IOException {
    RowGroupFile to = open;
    if (to == null) {
      to = RowGroupFile.create(folder.file(name(parts.size())));
      open = to;
    }
    to.append(path);
    Files.delete(path);
    if (to.bytes() >= enough) {
      finish(to);
    }
  }

  private void finish(RowGroupFile file) throws IOException {
    try (file) {
      file.finish();
      parts.add(new Part(name(parts.size()), file.rows(), file.bytes()));
    }
    open = null;
  }

  /** Ends the last file, and gives all. */
  synchronized List<Part> finish() throws IOException {
    if (open != null) {
      finish(open);
    }
    return List.copyOf(parts);
  }

  /** Closes a file that is not finished. */
  @Override
  public synchronized void close() throws IOException {
    if (open != null) {
      open.close();
      open = null;
    }
  }
}
