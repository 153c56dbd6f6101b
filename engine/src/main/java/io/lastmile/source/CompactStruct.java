package io.lastmile.source;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A struct of Thrift's compact protocol as it is written, fields that nobody knows included, so
 * that it can be written again with some of them changed. Immutable.
 *
 * @param fields by ascending id
 */
record CompactStruct(List<Field> fields) {
  private static final int SHORT_FORM = 15;

  /**
   * A field.
   *
   * @param id of it
   * @param type of its value, as in {@link CompactReader}
   * @param value Boolean, Long, a {@link CompactStruct}, {@link Elements}, or bytes as they are
   */
  record Field(int id, int type, Object value) {}

  /**
   * A list.
   *
   * @param type of the elements
   * @param values each as that of a field
   */
  record Elements(int type, List<Object> values) {}

  CompactStruct {
    fields = List.copyOf(fields);
  }

  /** Reads a struct; damaged bytes end in a RuntimeException. */
  static CompactStruct read(CompactReader in) {
    List<Field> fields = new ArrayList<>();
    int last = 0;
    for (int id = in.field(last); id != CompactReader.END; id = in.field(last)) {
      int type = in.type();
      fields.add(new Field(id, type, value(in, type)));
      last = id;
    }
    return new CompactStruct(fields);
  }

  private static Object value(CompactReader in, int type) {
    return switch (type) {
      case CompactReader.TRUE -> true;
      case CompactReader.FALSE -> false;
      case CompactReader.BYTE -> in.raw(1);
      case CompactReader.I16, CompactReader.I32, CompactReader.I64 -> in.integer();
      case CompactReader.DOUBLE -> in.raw(Double.BYTES);
      case CompactReader.BINARY -> in.binary();
      case CompactReader.LIST, CompactReader.SET -> elements(in);
      case CompactReader.STRUCT -> read(in);
      default -> throw new IllegalArgumentException("type " + type);
    };
  }

  private static Elements elements(CompactReader in) {
    int size = in.list();
    int type = in.type();
    boolean flags = type == CompactReader.TRUE || type == CompactReader.FALSE;
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      values.add(value(in, flags ? CompactReader.BYTE : type));
    }
    return new Elements(type, values);
  }

  private @Nullable Object find(int id) {
    return fields.stream()
        .filter(field -> field.id() == id)
        .map(Field::value)
        .findFirst()
        .orElse(null);
  }

  /** The integer of a field. */
  long integer(int id) {
    if (find(id) instanceof Long integer) {
      return integer;
    }
    throw new IllegalArgumentException("field " + id);
  }

  /** The structs of a field that is a list of them. */
  List<CompactStruct> structs(int id) {
    if (find(id) instanceof Elements elements) {
      return elements.values().stream().map(CompactStruct.class::cast).toList();
    }
    throw new IllegalArgumentException("field " + id);
  }

  /** This struct with another value of a field, if it has that field. */
  private CompactStruct changed(int id, UnaryOperator<Object> change) {
    return new CompactStruct(
        fields.stream()
            .map(field ->
                field.id() == id ? new Field(id, field.type(), change.apply(field.value())) : field)
            .toList());
  }

  /** This struct with another integer in a field, if it has that field. */
  CompactStruct integer(int id, UnaryOperator<Long> change) {
    return changed(id, value -> change.apply((Long) value));
  }

  /** This struct with another struct in a field, if it has that field. */
  CompactStruct struct(int id, UnaryOperator<CompactStruct> change) {
    return changed(id, value -> change.apply((CompactStruct) value));
  }

  /** This struct with other structs in a field that is a list of them. */
  CompactStruct structs(int id, List<CompactStruct> others) {
    return changed(id, value -> new Elements(CompactReader.STRUCT, List.copyOf(others)));
  }

  /** This struct without these fields. */
  CompactStruct without(Set<Integer> ids) {
    return new CompactStruct(fields.stream().filter(field -> !ids.contains(field.id())).toList());
  }

  /** Only one field of this struct, as it is written. */
  byte[] bytesOf(int id) {
    return new CompactStruct(fields.stream().filter(field -> field.id() == id).toList()).bytes();
  }

  /** This struct as it is written. */
  byte[] bytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    write(out);
    return out.toByteArray();
  }

  private void write(ByteArrayOutputStream out) {
    int last = 0;
    for (Field field : fields) {
      int delta = field.id() - last;
      if (delta <= SHORT_FORM) {
        out.write((delta << 4) | field.type());
      } else {
        out.write(field.type());
        integer(field.id(), out);
      }
      if (!(field.value() instanceof Boolean)) {
        write(field.type(), field.value(), out);
      }
      last = field.id();
    }
    out.write(CompactReader.END);
  }

  private static void write(int type, Object value, ByteArrayOutputStream out) {
    switch (value) {
      case Long integer -> integer(integer, out);
      case CompactStruct struct -> struct.write(out);
      case Elements elements -> write(elements, out);
      case byte[] bytes -> {
        if (type == CompactReader.BINARY) {
          varint(bytes.length, out);
        }
        out.writeBytes(bytes);
      }
      default -> throw new IllegalArgumentException("type " + type);
    }
  }

  private static void write(Elements elements, ByteArrayOutputStream out) {
    int size = elements.values().size();
    out.write((Math.min(size, SHORT_FORM) << 4) | elements.type());
    if (size >= SHORT_FORM) {
      varint(size, out);
    }
    elements.values().forEach(value -> write(elements.type(), value, out));
  }

  private static void integer(long value, ByteArrayOutputStream out) {
    varint((value << 1) ^ (value >> 63), out);
  }

  private static void varint(long value, ByteArrayOutputStream out) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      out.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
  }
}
