package io.lastmile.sequence;

import io.lastmile.plan.SplitQuery;
import io.lastmile.query.XXH64;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The hash of a row identity: XXH64 of the file's relative path in UTF-8 (in a mix behind the name
 * of its dataset and a zero byte), a zero byte, the row number and, where a step copies rows, the
 * copy number, as int64 little-endian, with seed 0. Summed over rows it names a set of rows
 * whatever their order. Used by one thread at a time.
 */
final class IdentityDigest {
  private static final ValueLayout.OfLong NUMBER =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final List<String> paths;
  private final boolean copies;

  /** By file: what is hashed of its rows, with room for the numbers. Neighbours may be of any. */
  private final @Nullable MemorySegment[] files;

  IdentityDigest(List<String> paths, boolean copies) {
    this.paths = paths;
    this.copies = copies;
    this.files = new MemorySegment[paths.size()];
  }

  long of(long identity, long copy) {
    MemorySegment bytes = bytes((int) (identity >>> SplitQuery.NUMBER_BITS));
    long end = bytes.byteSize();
    if (copies) {
      end -= Long.BYTES;
      bytes.set(NUMBER, end, copy);
    }
    bytes.set(NUMBER, end - Long.BYTES, identity & ((1L << SplitQuery.NUMBER_BITS) - 1));
    return XXH64.hash(bytes, 0, bytes.byteSize(), 0);
  }

  private MemorySegment bytes(int file) {
    MemorySegment known = files[file];
    if (known != null) {
      return known;
    }
    byte[] path = paths.get(file).getBytes(StandardCharsets.UTF_8);
    int numbers = (copies ? 2 : 1) * Long.BYTES;
    MemorySegment bytes = MemorySegment.ofArray(Arrays.copyOf(path, path.length + 1 + numbers));
    files[file] = bytes;
    return bytes;
  }
}
