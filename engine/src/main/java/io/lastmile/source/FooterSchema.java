package io.lastmile.source;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The columns of files that are written alike, as their footers have them. A table of ten thousand
 * columns has them in every file: they are taken in once. Immutable.
 */
final class FooterSchema {
  private static final int REPEATED = 2;

  private final String text;
  private final List<String> columns = new ArrayList<>();
  private final List<String> kinds = new ArrayList<>();
  private final Set<String> nameless = new LinkedHashSet<>();
  private final Map<String, String> wideDecimals = new HashMap<>();

  /** By leaf: the column, where that has several values a row. */
  private final List<@Nullable String> lists = new ArrayList<>();

  /** By leaf: its element, where that has one value a row and its statistics are wanted. */
  private final List<@Nullable SchemaElement> bounded = new ArrayList<>();

  private FooterSchema(String text, List<SchemaElement> elements, Set<String> wanted) {
    this.text = text;
    Map<String, String> once = new HashMap<>();
    int end;
    for (int at = 1; at < elements.size(); at = end) {
      SchemaElement first = elements.get(at);
      String name = first.name();
      String kind = first.kind();
      if (first.children() == 0) {
        end = at + 1;
        addLeaf(first, wanted);
      } else {
        end = end(elements, at);
        kind = name + " " + at;
        addParts(elements.subList(at, end));
      }
      columns.add(name);
      kinds.add(once.computeIfAbsent(kind, any -> any));
    }
  }

  /** A column without parts, as most are where there are thousands. */
  private void addLeaf(SchemaElement column, Set<String> wanted) {
    boolean repeated = column.repetition() == REPEATED;
    lists.add(repeated ? column.name() : null);
    boolean isWanted =
        !repeated && !wanted.isEmpty() && wanted.contains(column.name().toLowerCase(Locale.ROOT));
    bounded.add(isWanted ? column : null);
    addDecimal(column, column.name());
  }

  private void addParts(List<SchemaElement> column) {
    String name = column.getFirst().name();
    boolean repeated = false;
    for (SchemaElement element : column) {
      repeated |= element.repetition() == REPEATED;
      if (element.children() == 0) {
        lists.add(repeated ? name : null);
        bounded.add(null);
      }
      addDecimal(element, name);
    }
    if (hasNameless(column)) {
      nameless.add(name);
    }
  }

  private void addDecimal(SchemaElement element, String column) {
    String decimal = element.boundType().wideDecimal();
    if (decimal != null) {
      wideDecimals.putIfAbsent(column, decimal);
    }
  }

  /**
   * Reads the list of the elements of a schema; damaged bytes end in a RuntimeException.
   *
   * @param wanted lower-case names of the columns whose statistics are read
   */
  static FooterSchema read(CompactReader in, Set<String> wanted) {
    int begin = in.position();
    int size = in.list();
    List<SchemaElement> elements = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      elements.add(SchemaElement.read(in));
    }
    return new FooterSchema(in.since(begin), elements, wanted);
  }

  /** Whether a struct in it has a field without a name; parts of lists and maps need none. */
  private static boolean hasNameless(List<SchemaElement> column) {
    for (int at = 0; at < column.size(); at++) {
      int fields = isStruct(column, at) ? column.get(at).children() : 0;
      for (int field = at + 1; fields > 0; field = end(column, field), fields--) {
        if (column.get(field).name().isEmpty()) {
          return true;
        }
      }
    }
    return false;
  }

  /** A list or a map has one part, which is repeated; so are, or may be, the parts in it. */
  private static boolean isStruct(List<SchemaElement> column, int at) {
    return column.get(at).children() > 0
        && column.get(at).repetition() != REPEATED
        && column.get(at + 1).repetition() != REPEATED;
  }

  /** The index behind the last of the elements that are the parts of one, and their parts. */
  private static int end(List<SchemaElement> elements, int of) {
    int at = of;
    for (int open = 1; open > 0; at++) {
      open += elements.get(at).children() - 1;
    }
    return at;
  }

  /** As it is written, a char for each byte: equal for files written alike. */
  String text() {
    return text;
  }

  /** The names of the columns, in the order of the file. */
  List<String> columns() {
    return columns;
  }

  /** The kind of each column: those of one kind have one type. */
  List<String> kinds() {
    return kinds;
  }

  /** Columns in which a struct has a field without a name. */
  Set<String> nameless() {
    return nameless;
  }

  /** SQL type of decimals with more digits than can be read, by column. */
  Map<String, String> wideDecimals() {
    return wideDecimals;
  }

  /** How many columns and parts of columns have values of their own. */
  int leaves() {
    return lists.size();
  }

  /** The column of a leaf, where that has several values a row. */
  @Nullable String list(int leaf) {
    return lists.get(leaf);
  }

  /** The element of a leaf whose statistics are wanted. */
  @Nullable SchemaElement bounded(int leaf) {
    return bounded.get(leaf);
  }

  /** Whether any column has several values a row. */
  boolean hasLists() {
    return lists.stream().anyMatch(list -> list != null);
  }
}
