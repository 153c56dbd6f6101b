package io.lastmile.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file of a table.
 *
 * @param path absolute, as the source names it
 * @param data the Parquet file that is read: the same, or what it was converted to
 * @param relative to the table's root, with '/' between names: the file's part of a row's identity
 * @param bytes its size
 * @param hash of its footer, or of all of it where it was converted: files with the same relative
 *     path, size and hash are the same
 * @param modified when it was last written
 * @param changed when anything of it, its name and times too, was last changed, its footer not
 *     having been read yet
 * @param columns how it has those of the table
 * @param rowGroups in the order of the file
 * @param partitions what its folders below the root say, outermost first: a folder {@code
 *     dt=2024-01-01} is the entry dt → 2024-01-01, Hive's default partition is null
 */
public record TableFile(
    Path path,
    Path data,
    String relative,
    long bytes,
    String hash,
    Instant modified,
    Instant changed,
    FileColumns columns,
    List<RowGroup> rowGroups,
    Map<String, @Nullable String> partitions) {
  public TableFile {
    rowGroups = List.copyOf(rowGroups);
    partitions = Collections.unmodifiableMap(new LinkedHashMap<>(partitions));
  }

  /** This file with only some of its row groups. */
  public TableFile only(List<RowGroup> some) {
    return new TableFile(
        path, data, relative, bytes, hash, modified, changed, columns, some, partitions);
  }

  /**
   * Whether the file is still that whose footer was read: of its size, and with the same footer,
   * which is only read again where something of the file was changed. When it was written is never
   * compared.
   */
  public boolean isUnchanged() {
    try {
      return Files.size(path) == bytes
          && (changed(path).equals(changed) || FooterReader.hash(path).equals(hash));
    } catch (IOException _) {
      return false;
    }
  }

  static Instant changed(Path file) throws IOException {
    return ((FileTime) Files.getAttribute(file, "unix:ctime")).toInstant();
  }

  /** The number of rows. */
  public long rows() {
    return rowGroups.stream().mapToLong(RowGroup::rows).sum();
  }
}
