package io.lastmile.source;

import io.lastmile.source.ColumnStatistics.Family;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What Lastmile needs of a Parquet footer (FileMetaData in
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 *
 * @param schema of the file
 * @param rowGroups in the order of the file
 * @param hash of its bytes
 * @param fixedLengths by column, for those that the writer declared to be lists of a fixed length
 */
record Footer(
    FooterSchema schema, List<RowGroup> rowGroups, String hash, Map<String, Integer> fixedLengths) {

  /**
   * Reads the bytes of a footer; damaged ones end in a RuntimeException.
   *
   * @param schemas reads the schema
   * @param fixedLengths {@link ArrowSchema#fixedLengths}, or what remembers its results
   */
  static Footer parse(
      byte[] bytes,
      Function<CompactReader, FooterSchema> schemas,
      Function<String, Map<String, Integer>> fixedLengths) {
    return new Parser(bytes, schemas, fixedLengths).parse(hash(bytes));
  }

  /**
   * A name for the bytes. SHA-256 itself of the megabytes of a wide table would cost more than all
   * else that is done with them, until the JVM has compiled it.
   */
  static String hash(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    CRC32C other = new CRC32C();
    other.update(bytes);
    return Sha256.of("%d %08x %08x".formatted(bytes.length, crc.getValue(), other.getValue()));
  }

  /** One pass over a footer. */
  private static final class Parser {
    /** The order of a column whose bounds can be used: that of its type. */
    private static final int TYPE_ORDER = 1;

    private static final long UNKNOWN = -1;

    private final CompactReader in;
    private final Function<CompactReader, FooterSchema> schemas;
    private final Function<String, Map<String, Integer>> fixedLengths;
    private final List<Group> groups = new ArrayList<>();

    /** Leaves with a known order of their bounds, by ordinal. */
    private final BitSet ordered = new BitSet();

    private long rows = -1;
    private @Nullable FooterSchema schema;
    private @Nullable String arrow;

    /** A row group while its columns are read, which are told apart by their leaves. */
    private static final class Group {
      private long rows;
      private long compressed = UNKNOWN;
      private final Map<String, Long> values = new HashMap<>();
      private final Map<Integer, ColumnStatistics> statistics = new HashMap<>();
    }

    Parser(
        byte[] bytes,
        Function<CompactReader, FooterSchema> schemas,
        Function<String, Map<String, Integer>> fixedLengths) {
      this.in = new CompactReader(bytes);
      this.schemas = schemas;
      this.fixedLengths = fixedLengths;
    }

    Footer parse(String hash) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 2 -> schema = schemas.apply(in);
          case 3 -> rows = in.integer();
          case 4 -> groups(schema());
          case 5 -> keyValues();
          case 7 -> orders();
          default -> in.skip();
        }
      }
      if (rows != groups.stream().mapToLong(group -> group.rows).sum()) {
        throw new IllegalArgumentException("rows are missing");
      }
      Map<String, Integer> lengths =
          arrow == null || !schema().hasLists() ? Map.of() : fixedLengths.apply(arrow);
      return new Footer(schema(), named(schema()), hash, lengths);
    }

    private FooterSchema schema() {
      return Objects.requireNonNull(schema, "no schema");
    }

    /** A union for each leaf: the id of its field is the order. */
    private void orders() {
      int size = in.list();
      for (int leaf = 0; leaf < size; leaf++) {
        for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
          ordered.set(leaf, id == TYPE_ORDER);
          in.skip();
        }
      }
    }

    private void keyValues() {
      int size = in.list();
      for (int i = 0; i < size; i++) {
        keyValue();
      }
    }

    private void keyValue() {
      String key = "";
      byte[] value = {};
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 1 -> key = in.string();
          case 2 -> value = in.binary();
          default -> in.skip();
        }
      }
      if (key.equals("ARROW:schema")) {
        arrow = new String(value, StandardCharsets.ISO_8859_1);
      }
    }

    private void groups(FooterSchema of) {
      int size = in.list();
      for (int i = 0; i < size; i++) {
        groups.add(group(of));
      }
    }

    private Group group(FooterSchema of) {
      Group group = new Group();
      int parts = in.position();
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 1 -> {
            parts = in.position();
            parts(group, of);
          }
          case 3 -> group.rows = in.integer();
          case 6 -> group.compressed = in.integer();
          default -> in.skip();
        }
      }
      if (group.compressed == UNKNOWN) {
        group.compressed = compressed(parts);
      }
      return group;
    }

    /** Reads what is wanted of some of the columns, and passes over the thousands of others. */
    private void parts(Group group, FooterSchema of) {
      int size = in.list();
      if (size > of.leaves()) {
        throw new IllegalArgumentException("columns");
      }
      for (int leaf = 0; leaf < size; leaf++) {
        SchemaElement bounded = of.bounded(leaf);
        String list = of.list(leaf);
        if (bounded == null && list == null) {
          in.skipStruct();
        } else {
          part(group, leaf, bounded, list);
        }
      }
    }

    private void part(
        Group group, int leaf, @Nullable SchemaElement bounded, @Nullable String list) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        if (id == 3) {
          metadata(group, leaf, bounded, list);
        } else {
          in.skip();
        }
      }
    }

    private void metadata(
        Group group, int leaf, @Nullable SchemaElement bounded, @Nullable String list) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        if (id == 5 && list != null) {
          group.values.merge(list, in.integer(), Math::max);
        } else if (id == 12 && bounded != null) {
          group.statistics.put(leaf, statistics(bounded.boundType()));
        } else {
          in.skip();
        }
      }
    }

    /** The bytes of all columns, where the writer has not summed them up. */
    private long compressed(int parts) {
      int end = in.position();
      in.goTo(parts);
      long bytes = 0;
      int size = in.list();
      for (int i = 0; i < size; i++) {
        for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
          if (id == 3) {
            for (int of = in.field(0); of != CompactReader.END; of = in.field(of)) {
              if (of == 7) {
                bytes += in.integer();
              } else {
                in.skip();
              }
            }
          } else {
            in.skip();
          }
        }
      }
      in.goTo(end);
      return bytes;
    }

    /** Only min_value and max_value: the order of the older min and max is not known. */
    private ColumnStatistics statistics(BoundType type) {
      String min = null;
      String max = null;
      Long nulls = null;
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 3 -> nulls = in.integer();
          case 5 -> max = type.sql(in.binary());
          case 6 -> min = type.sql(in.binary());
          default -> in.skip();
        }
      }
      Family family = type.family();
      return family == null
          ? new ColumnStatistics(null, null, null, nulls)
          : new ColumnStatistics(family, min, max, nulls);
    }

    private List<RowGroup> named(FooterSchema of) {
      List<RowGroup> rowGroups = new ArrayList<>(groups.size());
      long firstRow = 0;
      for (Group group : groups) {
        rowGroups.add(
            new RowGroup(
                rowGroups.size(),
                firstRow,
                group.rows,
                group.compressed,
                group.values,
                named(group.statistics, of)));
        firstRow += group.rows;
      }
      return rowGroups;
    }

    /** By column; without the bounds of those whose order the footer does not say. */
    private Map<String, ColumnStatistics> named(
        Map<Integer, ColumnStatistics> byLeaf, FooterSchema of) {
      Map<String, ColumnStatistics> byName = new HashMap<>();
      byLeaf.forEach((leaf, known) ->
          byName.put(
              Objects.requireNonNull(of.bounded(leaf)).name(),
              ordered.get(leaf) ? known : new ColumnStatistics(null, null, null, known.nulls())));
      return byName;
    }
  }
}
