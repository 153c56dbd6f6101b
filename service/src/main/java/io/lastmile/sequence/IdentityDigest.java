package io.lastmile.sequence;

import io.lastmile.plan.SplitQuery;
import io.lastmile.query.XXH64;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

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
  private int file = -1;
  private MemorySegment bytes = MemorySegment.NULL;

  IdentityDigest(List<String> paths, boolean copies) {
    this.paths = paths;
    this.copies = copies;
  }

  long of(long identity, long copy) {
    int ordinal = (int) (identity >>> SplitQuery.NUMBER_BITS);
    if (ordinal != file) {
      byte[] path = paths.get(ordinal).getBytes(StandardCharsets.UTF_8);
      bytes =
          MemorySegment.ofArray(
              Arrays.copyOf(path, path.length + 1 + (copies ? 2 : 1) * Long.BYTES));
      file = ordinal;
    }
    long end = bytes.byteSize();
    if (copies) {
      end -= Long.BYTES;
      bytes.set(NUMBER, end, copy);
    }
    bytes.set(NUMBER, end - Long.BYTES, identity & ((1L << SplitQuery.NUMBER_BITS) - 1));
    return XXH64.hash(bytes, 0, bytes.byteSize(), 0);
  }
}
