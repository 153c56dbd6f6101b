package io.lastmile.source;

import io.lastmile.source.ColumnStatistics.Family;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What Lastmile needs of a Parquet footer (FileMetaData in
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 *
 * @param schema as it is written, a char for each byte: equal for files written alike
 * @param columns their names, in the order of the file
 * @param kinds of the columns: those of one kind have one type
 * @param rowGroups in the order of the file
 * @param hash of its bytes
 * @param fixedLengths by column, for those that the writer declared to be lists of a fixed length
 * @param nameless columns with a field that has no name
 * @param wideDecimals SQL type of decimals with more digits than can be read, by column
 */
record Footer(
    String schema,
    List<String> columns,
    List<String> kinds,
    List<RowGroup> rowGroups,
    String hash,
    Map<String, Integer> fixedLengths,
    Set<String> nameless,
    Map<String, String> wideDecimals) {
  /** The same, with what another footer of the same schema holds already. */
  Footer sharing(Footer other) {
    return new Footer(
        other.schema,
        other.columns,
        other.kinds,
        rowGroups,
        hash,
        fixedLengths,
        other.nameless,
        other.wideDecimals);
  }

  /**
   * Reads the bytes of a footer; damaged ones end in a RuntimeException.
   *
   * @param statistics lower-case names of the columns whose statistics are read
   * @param fixedLengths {@link ArrowSchema#fixedLengths}, or what remembers its results
   */
  static Footer parse(
      byte[] bytes, Set<String> statistics, Function<String, Map<String, Integer>> fixedLengths) {
    return new Parser(bytes, statistics, fixedLengths).parse(hash(bytes));
  }

  /**
   * A name for the bytes. SHA-256 itself of the megabytes of a wide table would cost more than all
   * else that is done with them, until the JVM has compiled it.
   */
  private static String hash(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    CRC32C other = new CRC32C();
    other.update(bytes);
    return Sha256.of("%d %08x %08x".formatted(bytes.length, crc.getValue(), other.getValue()));
  }

  /** One pass over a footer. */
  private static final class Parser {
    private static final int REPEATED = 2;

    /** The order of a column whose bounds can be used: that of its type. */
    private static final int TYPE_ORDER = 1;

    private final CompactReader in;
    private final Set<String> wanted;
    private final Function<String, Map<String, Integer>> fixedLengths;
    private final List<SchemaElement> elements = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();

    /** Leaves with a known order of their bounds, by ordinal. */
    private final BitSet ordered = new BitSet();

    /** The columns whose statistics are read, by the ordinals of their leaves. */
    private Map<Integer, SchemaElement> statistics = Map.of();

    private long rows = -1;
    private @Nullable String schema;
    private @Nullable String arrow;

    /** A row group while its columns are read, which are told apart by their leaves. */
    private static final class Group {
      private long rows;
      private long compressed;
      private long uncompressed;
      private final long[] values;
      private final Map<Integer, ColumnStatistics> statistics = new HashMap<>();
      private int leaf;

      Group(int leaves) {
        values = new long[leaves];
      }
    }

    Parser(byte[] bytes, Set<String> wanted, Function<String, Map<String, Integer>> fixedLengths) {
      this.in = new CompactReader(bytes);
      this.wanted = wanted;
      this.fixedLengths = fixedLengths;
    }

    Footer parse(String hash) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 2 -> schema();
          case 3 -> rows = in.integer();
          case 4 -> repeat(() -> groups.add(group()));
          case 5 -> repeat(this::keyValue);
          case 7 -> orders();
          default -> in.skip();
        }
      }
      if (schema == null || rows != groups.stream().mapToLong(group -> group.rows).sum()) {
        throw new IllegalArgumentException("no schema, or rows are missing");
      }
      boolean hasLists = elements.stream().anyMatch(element -> element.repetition() == REPEATED);
      Map<String, Integer> lengths =
          arrow == null || !hasLists ? Map.of() : fixedLengths.apply(arrow);
      return new Footer(
          schema, columns(), kinds(), named(), hash, lengths, nameless(), wideDecimals());
    }

    private void repeat(Runnable element) {
      int size = in.list();
      for (int i = 0; i < size; i++) {
        element.run();
      }
    }

    private void schema() {
      int begin = in.position();
      repeat(() -> elements.add(SchemaElement.read(in)));
      schema = in.since(begin);
      statistics = flatLeaves();
    }

    /** The wanted columns that have one value a row, by the ordinals of their leaves. */
    private Map<Integer, SchemaElement> flatLeaves() {
      if (wanted.isEmpty()) {
        return Map.of();
      }
      Map<Integer, SchemaElement> flat = new HashMap<>();
      int leaf = 0;
      for (int column = 1; column < elements.size(); column = end(column)) {
        SchemaElement element = elements.get(column);
        boolean isFlat = element.children() == 0 && element.repetition() != REPEATED;
        if (isFlat && wanted.contains(element.name().toLowerCase(Locale.ROOT))) {
          flat.put(leaf, element);
        }
        for (int at = column; at < end(column); at++) {
          leaf += elements.get(at).children() == 0 ? 1 : 0;
        }
      }
      return flat;
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

    private Group group() {
      Group group = new Group(elements.size());
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 1 -> repeat(() -> part(group));
          case 3 -> group.rows = in.integer();
          default -> in.skip();
        }
      }
      return group;
    }

    private void part(Group group) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        if (id == 3) {
          metadata(group);
        } else {
          in.skip();
        }
      }
      group.leaf++;
    }

    private void metadata(Group group) {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 5 -> group.values[group.leaf] = in.integer();
          case 6 -> group.uncompressed += in.integer();
          case 7 -> group.compressed += in.integer();
          case 12 -> statistics(group);
          default -> in.skip();
        }
      }
    }

    private void statistics(Group group) {
      SchemaElement element = statistics.get(group.leaf);
      if (element == null) {
        in.skip();
      } else {
        group.statistics.put(group.leaf, statistics(element.boundType()));
      }
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

    private List<String> columns() {
      List<String> columns = new ArrayList<>();
      for (int at = 1; at < elements.size(); at = end(at)) {
        columns.add(elements.get(at).name());
      }
      return columns;
    }

    /** Columns in which a struct has a field without a name; parts of lists and maps need none. */
    private Set<String> nameless() {
      Set<String> nameless = new LinkedHashSet<>();
      if (elements.stream().skip(1).noneMatch(element -> element.name().isEmpty())) {
        return nameless;
      }
      for (int column = 1; column < elements.size(); column = end(column)) {
        for (int at = column; at < end(column); at++) {
          int fields = isStruct(at) ? elements.get(at).children() : 0;
          for (int field = at + 1; fields > 0; field = end(field), fields--) {
            if (elements.get(field).name().isEmpty()) {
              nameless.add(elements.get(column).name());
            }
          }
        }
      }
      return nameless;
    }

    private Map<String, String> wideDecimals() {
      Map<String, String> wide = new HashMap<>();
      if (elements.stream().noneMatch(element -> element.boundType().wideDecimal() != null)) {
        return wide;
      }
      for (int column = 1; column < elements.size(); column = end(column)) {
        for (SchemaElement element : elements.subList(column, end(column))) {
          String decimal = element.boundType().wideDecimal();
          if (decimal != null) {
            wide.putIfAbsent(elements.get(column).name(), decimal);
          }
        }
      }
      return wide;
    }

    /** A list or a map has one part, which is repeated; so are, or may be, the parts in it. */
    private boolean isStruct(int at) {
      boolean isRepeated = elements.get(at).repetition() == REPEATED;
      return elements.get(at).children() > 0
          && !isRepeated
          && elements.get(at + 1).repetition() != REPEATED;
    }

    /** What is written of a leaf; a column with parts is a kind of its own. */
    private List<String> kinds() {
      List<String> kinds = new ArrayList<>();
      Map<String, String> once = new HashMap<>();
      for (int at = 1; at < elements.size(); at = end(at)) {
        SchemaElement element = elements.get(at);
        String kind = element.children() == 0 ? element.kind() : element.name() + " " + at;
        kinds.add(once.computeIfAbsent(kind, any -> any));
      }
      return kinds;
    }

    /** The index behind the last element of a column's tree. */
    private int end(int column) {
      int at = column;
      for (int open = 1; open > 0; at++) {
        open += elements.get(at).children() - 1;
      }
      return at;
    }

    private List<RowGroup> named() {
      Map<Integer, String> lists = listLeaves();
      List<RowGroup> rowGroups = new ArrayList<>(groups.size());
      long firstRow = 0;
      for (Group group : groups) {
        Map<String, Long> values = new HashMap<>();
        lists.forEach((leaf, name) -> values.merge(name, group.values[leaf], Math::max));
        rowGroups.add(
            new RowGroup(
                rowGroups.size(),
                firstRow,
                group.rows,
                group.compressed,
                group.uncompressed,
                values,
                named(group.statistics)));
        firstRow += group.rows;
      }
      return rowGroups;
    }

    /** By column; without the bounds of those whose order the footer does not say. */
    private Map<String, ColumnStatistics> named(Map<Integer, ColumnStatistics> byLeaf) {
      Map<String, ColumnStatistics> byName = new HashMap<>();
      byLeaf.forEach((leaf, known) ->
          byName.put(
              Objects.requireNonNull(statistics.get(leaf)).name(),
              ordered.get(leaf) ? known : new ColumnStatistics(null, null, null, known.nulls())));
      return byName;
    }

    /** The columns that hold several values a row, by the ordinals of their leaves. */
    private Map<Integer, String> listLeaves() {
      Map<Integer, String> lists = new HashMap<>();
      int leaf = 0;
      for (int column = 1; column < elements.size(); column = end(column)) {
        boolean repeated = false;
        for (SchemaElement element : elements.subList(column, end(column))) {
          repeated |= element.repetition() == REPEATED;
          if (element.children() == 0) {
            if (repeated) {
              lists.put(leaf, elements.get(column).name());
            }
            leaf++;
          }
        }
      }
      return lists;
    }
  }
}
