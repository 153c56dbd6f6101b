package io.lastmile.source;

import io.lastmile.query.XXH64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What Lastmile needs of a Parquet footer (FileMetaData in
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
 *
 * @param schema equal for files whose schemas are written alike
 * @param columns their names, in the order of the file
 * @param rowGroups in the order of the file
 * @param fixedLengths by column, for those that the writer declared to be lists of a fixed length
 */
record Footer(
    Schema schema,
    List<String> columns,
    List<RowGroup> rowGroups,
    Map<String, Integer> fixedLengths) {
  /** 128 bits of hash over the bytes of a schema. */
  record Schema(long high, long low) {}

  /** The same, with names of columns that another footer of the same schema holds already. */
  Footer sharing(List<String> names) {
    return new Footer(schema, names, rowGroups, fixedLengths);
  }

  /** Reads the bytes of a footer; damaged ones end in a RuntimeException. */
  static Footer parse(byte[] bytes) {
    return new Parser(bytes).parse();
  }

  /** One pass over a footer. */
  private static final class Parser {
    private static final int REPEATED = 2;

    private final byte[] bytes;
    private final CompactReader in;
    private final List<Element> elements = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();
    private long rows = -1;
    private @Nullable Schema schema;
    private @Nullable String arrow;

    /** An element of the schema: a column's tree in depth-first order. */
    private record Element(String name, int children, boolean repeated) {}

    /** A row group before its columns are named; values by leaf. */
    private record Group(long rows, long compressed, long uncompressed, List<Long> values) {}

    /** A column's data in a row group. */
    private record Part(long values, long compressed, long uncompressed) {}

    Parser(byte[] bytes) {
      this.bytes = bytes;
      this.in = new CompactReader(bytes);
    }

    Footer parse() {
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 2 -> schema();
          case 3 -> rows = in.integer();
          case 4 -> repeat(() -> groups.add(group()));
          case 5 -> repeat(this::keyValue);
          default -> in.skip();
        }
      }
      if (schema == null || rows != groups.stream().mapToLong(Group::rows).sum()) {
        throw new IllegalArgumentException("no schema, or rows are missing");
      }
      Map<String, Integer> lengths = arrow == null ? Map.of() : ArrowSchema.fixedLengths(arrow);
      return new Footer(schema, columns(), named(), lengths);
    }

    private void repeat(Runnable element) {
      int size = in.list();
      for (int i = 0; i < size; i++) {
        element.run();
      }
    }

    private void schema() {
      int begin = in.position();
      repeat(this::element);
      byte[] written = Arrays.copyOfRange(bytes, begin, in.position());
      schema = new Schema(XXH64.hash(written, 1), XXH64.hash(written, 2));
    }

    private void element() {
      String name = "";
      int children = 0;
      boolean repeated = false;
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 3 -> repeated = in.integer() == REPEATED;
          case 4 -> name = in.string();
          case 5 -> children = Math.toIntExact(in.integer());
          default -> in.skip();
        }
      }
      elements.add(new Element(name, children, repeated));
    }

    private void keyValue() {
      String key = "";
      String value = "";
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 1 -> key = in.string();
          case 2 -> value = in.string();
          default -> in.skip();
        }
      }
      if (key.equals("ARROW:schema")) {
        arrow = value;
      }
    }

    private Group group() {
      List<Part> parts = new ArrayList<>(elements.size());
      long rows = 0;
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 1 -> repeat(() -> parts.add(part()));
          case 3 -> rows = in.integer();
          default -> in.skip();
        }
      }
      return new Group(
          rows,
          parts.stream().mapToLong(Part::compressed).sum(),
          parts.stream().mapToLong(Part::uncompressed).sum(),
          parts.stream().map(Part::values).toList());
    }

    private Part part() {
      Part part = new Part(0, 0, 0);
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        if (id == 3) {
          part = metadata();
        } else {
          in.skip();
        }
      }
      return part;
    }

    private Part metadata() {
      long values = 0;
      long uncompressed = 0;
      long compressed = 0;
      for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
        switch (id) {
          case 5 -> values = in.integer();
          case 6 -> uncompressed = in.integer();
          case 7 -> compressed = in.integer();
          default -> in.skip();
        }
      }
      return new Part(values, compressed, uncompressed);
    }

    private List<String> columns() {
      List<String> columns = new ArrayList<>();
      for (int at = 1; at < elements.size(); at = end(at)) {
        columns.add(elements.get(at).name());
      }
      return columns;
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
        lists.forEach((leaf, name) -> values.merge(name, group.values().get(leaf), Math::max));
        rowGroups.add(
            new RowGroup(
                rowGroups.size(),
                firstRow,
                group.rows(),
                group.compressed(),
                group.uncompressed(),
                values));
        firstRow += group.rows();
      }
      return rowGroups;
    }

    /** The columns that hold several values a row, by the ordinals of their leaves. */
    private Map<Integer, String> listLeaves() {
      Map<Integer, String> lists = new HashMap<>();
      int leaf = 0;
      for (int column = 1; column < elements.size(); column = end(column)) {
        boolean repeated = false;
        for (Element element : elements.subList(column, end(column))) {
          repeated |= element.repeated();
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
