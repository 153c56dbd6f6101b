package io.lastmile.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A Parquet file that is made of the row groups of others with the same schema: their bytes are
 * copied as they are, and one footer names them all
 * (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift). One thread
 * at a time.
 */
public final class RowGroupFile implements AutoCloseable {
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
  private static final int TRAILER = 8;

  // FileMetaData
  private static final int SCHEMA = 2;
  private static final int ROWS = 3;
  private static final int ROW_GROUPS = 4;

  // RowGroup
  private static final int COLUMNS = 1;
  private static final int GROUP_OFFSET = 5;
  private static final int ORDINAL = 7;

  // ColumnChunk
  private static final int FILE_OFFSET = 2;
  private static final int METADATA = 3;

  /** The offsets and lengths of the page indexes, which name places of pages in their file. */
  private static final Set<Integer> PAGE_INDEXES = Set.of(4, 5, 6, 7);

  // ColumnMetaData
  private static final int DATA_PAGE = 9;
  private static final int INDEX_PAGE = 10;
  private static final int DICTIONARY_PAGE = 11;
  private static final int BLOOM_FILTER = 14;

  private final FileChannel out;
  private final List<CompactStruct> rowGroups = new ArrayList<>();
  private @Nullable CompactStruct first;
  private long rows;

  private RowGroupFile(FileChannel out) {
    this.out = out;
  }

  /** Begins a file that is not there yet. */
  public static RowGroupFile create(Path path) throws IOException {
    FileChannel out =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    RowGroupFile file = new RowGroupFile(out);
    file.write(MAGIC);
    return file;
  }

  private void write(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
  }

  /**
   * Adds the row groups of a file.
   *
   * @throws IllegalArgumentException when its schema is not that of the first, or it is no Parquet
   */
  public void append(Path path) throws IOException {
    try (FileChannel in = FileChannel.open(path)) {
      long end = in.size() - TRAILER;
      ByteBuffer trailer = read(in, end, TRAILER);
      int length = trailer.getInt();
      CompactStruct footer =
          CompactStruct.read(new CompactReader(read(in, end - length, length).array()));
      if (first == null) {
        first = footer;
      } else if (!Arrays.equals(first.bytesOf(SCHEMA), footer.bytesOf(SCHEMA))) {
        throw new IllegalArgumentException("another schema in " + path);
      }
      long shift = out.position() - MAGIC.length;
      copy(in, MAGIC.length, end - length);
      for (CompactStruct group : footer.structs(ROW_GROUPS)) {
        rowGroups.add(moved(group, shift, rowGroups.size()));
      }
      rows += footer.integer(ROWS);
    }
  }

  private static ByteBuffer read(FileChannel in, long from, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (in.read(bytes, from + bytes.position()) < 0) {
        throw new IOException("the file became shorter");
      }
    }
    return bytes.flip();
  }

  private void copy(FileChannel in, long from, long end) throws IOException {
    long at = from;
    while (at < end) {
      at += in.transferTo(at, end - at, out);
    }
  }

  private static CompactStruct moved(CompactStruct group, long shift, int ordinal) {
    List<CompactStruct> columns =
        group.structs(COLUMNS).stream().map(column -> moved(column, shift)).toList();
    return group
        .structs(COLUMNS, columns)
        .integer(GROUP_OFFSET, offset -> offset + shift)
        .integer(ORDINAL, _ -> (long) ordinal);
  }

  private static CompactStruct moved(CompactStruct column, long shift) {
    return column
        .without(PAGE_INDEXES)
        .integer(FILE_OFFSET, offset -> offset == 0 ? 0 : offset + shift)
        .struct(
            METADATA,
            metadata -> {
              CompactStruct here = metadata;
              for (int id : List.of(DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, BLOOM_FILTER)) {
                here = here.integer(id, offset -> offset + shift);
              }
              return here;
            });
  }

  /** Bytes so far. */
  public long bytes() throws IOException {
    return out.position();
  }

  /** Rows so far. */
  public long rows() {
    return rows;
  }

  /** Writes the footer, and returns when the file is on the disk. */
  public void finish() throws IOException {
    CompactStruct footer = first;
    if (footer == null) {
      throw new IllegalStateException("nothing was appended");
    }
    byte[] bytes = footer.integer(ROWS, _ -> rows).structs(ROW_GROUPS, rowGroups).bytes();
    write(bytes);
    write(
        ByteBuffer.allocate(TRAILER)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(bytes.length)
            .put(MAGIC)
            .array());
    out.force(true);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
