package io.lastmile.source;

import io.lastmile.source.BoundType.Meaning;

/**
 * A column of a file, a part of one, or the root, as a footer describes it: SchemaElement in
 * parquet.thrift.
 *
 * @param name of the column, or of the part
 * @param children how many of the elements behind it, with theirs, are its parts; a leaf has none
 * @param repetition 2: any number of values
 * @param boundType how statistics of a leaf are written
 * @param kind all that is written of it but its name and its id
 */
record SchemaElement(String name, int children, int repetition, BoundType boundType, String kind) {
  private static final int NAME = 4;
  private static final int FIELD_ID = 9;

  /** Reads an element; its struct begins here. */
  static SchemaElement read(CompactReader in) {
    String name = "";
    int children = 0;
    int repetition = 0;
    int physical = -1;
    int scale = 0;
    int precision = 0;
    Meaning meaning = Meaning.NONE;
    StringBuilder kind = new StringBuilder();
    int kept = in.position();
    for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
      int begin = in.position();
      switch (id) {
        case 1 -> physical = (int) in.integer();
        case 3 -> repetition = (int) in.integer();
        case NAME -> name = in.string();
        case 5 -> children = Math.toIntExact(in.integer());
        case 6 -> meaning = converted((int) in.integer());
        case 7 -> scale = (int) in.integer();
        case 8 -> precision = (int) in.integer();
        case 10 -> meaning = logical(in, meaning);
        default -> in.skip();
      }
      if (id == NAME || id == FIELD_ID) {
        kind.append(in.since(kept), 0, begin - kept);
        kept = in.position();
      }
    }
    kind.append(in.since(kept));
    BoundType boundType = new BoundType(physical, meaning, precision, scale);
    return new SchemaElement(name, children, repetition, boundType, kind.toString());
  }

  /**
   * ConvertedType: what writers said before there were logical types, and still say beside them.
   */
  private static Meaning converted(int type) {
    return switch (type) {
      case 0, 4 -> Meaning.TEXT;
      case 5 -> Meaning.DECIMAL;
      case 6 -> Meaning.DATE;
      case 9 -> Meaning.MILLISECONDS;
      case 10 -> Meaning.MICROSECONDS;
      case 11, 12, 13, 14 -> Meaning.UNSIGNED;
      case 15, 16, 17, 18 -> Meaning.NONE;
      default -> Meaning.OTHER;
    };
  }

  /** LogicalType: a union; the id of its only field is the type. */
  private static Meaning logical(CompactReader in, Meaning before) {
    Meaning meaning = before;
    for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
      switch (id) {
        case 1, 4 -> {
          meaning = Meaning.TEXT;
          in.skip();
        }
        case 5 -> {
          meaning = Meaning.DECIMAL;
          in.skip();
        }
        case 6 -> {
          meaning = Meaning.DATE;
          in.skip();
        }
        case 8 -> meaning = timestamp(in);
        case 10 -> meaning = integer(in);
        default -> {
          meaning = Meaning.OTHER;
          in.skip();
        }
      }
    }
    return meaning;
  }

  private static Meaning timestamp(CompactReader in) {
    Meaning meaning = Meaning.OTHER;
    for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
      if (id == 2) {
        for (int unit = in.field(0); unit != CompactReader.END; unit = in.field(unit)) {
          meaning =
              switch (unit) {
                case 1 -> Meaning.MILLISECONDS;
                case 2 -> Meaning.MICROSECONDS;
                case 3 -> Meaning.NANOSECONDS;
                default -> Meaning.OTHER;
              };
          in.skip();
        }
      } else {
        in.skip();
      }
    }
    return meaning;
  }

  private static Meaning integer(CompactReader in) {
    Meaning meaning = Meaning.UNSIGNED;
    for (int id = in.field(0); id != CompactReader.END; id = in.field(id)) {
      if (id == 2) {
        meaning = in.flag() ? Meaning.NONE : Meaning.UNSIGNED;
      } else {
        in.skip();
      }
    }
    return meaning;
  }
}
