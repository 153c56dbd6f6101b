package io.lastmile.source;

import java.nio.file.Path;
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
    FileColumns columns,
    List<RowGroup> rowGroups,
    Map<String, @Nullable String> partitions) {
  public TableFile {
    rowGroups = List.copyOf(rowGroups);
    partitions = Collections.unmodifiableMap(new LinkedHashMap<>(partitions));
  }

  /** This file with only some of its row groups. */
  public TableFile only(List<RowGroup> some) {
    return new TableFile(path, data, relative, bytes, hash, modified, columns, some, partitions);
  }

  /** The number of rows. */
  public long rows() {
    return rowGroups.stream().mapToLong(RowGroup::rows).sum();
  }
}
