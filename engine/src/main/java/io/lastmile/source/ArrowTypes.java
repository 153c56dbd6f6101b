package io.lastmile.source;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.jspecify.annotations.Nullable;

/**
 * The schema that Arrow writers keep beside Parquet's own, made from the engine's names of types:
 * it tells readers which lists have a fixed length. One thread.
 */
public final class ArrowTypes {
  private final String type;
  private int at;

  private ArrowTypes(String type) {
    this.type = type;
  }

  /**
   * The value of the key {@code ARROW:schema}.
   *
   * @param types of the columns as the engine describes them, in order, by name
   * @param fixedLengths of the columns whose lists all have the same, by name
   * @throws LastmileException of kind USER when a type has no counterpart
   */
  public static String schema(Map<String, String> types, Map<String, Integer> fixedLengths) {
    List<Field> fields = new ArrayList<>();
    for (Map.Entry<String, String> column : types.entrySet()) {
      Field field = new ArrowTypes(column.getValue()).field(column.getKey());
      Integer length = fixedLengths.get(column.getKey());
      if (field == null) {
        throw LastmileException.of(
            FailureKind.USER,
            "Column \"%s\" is %s, beside which a file cannot say that the lists of %s have a fixed length (cast it to VARCHAR, or drop it)"
                .formatted(
                    column.getKey(), column.getValue(), String.join(", ", fixedLengths.keySet())));
      }
      fields.add(
          length == null
              ? field
              : nested(column.getKey(), new ArrowType.FixedSizeList(length), field.getChildren()));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      MessageSerializer.serialize(new WriteChannel(Channels.newChannel(bytes)), new Schema(fields));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }

  private @Nullable Field field(String name) {
    Field field = bare(name);
    while (field != null && at < type.length() && type.charAt(at) == '[') {
      int end = type.indexOf(']', at);
      String length = type.substring(at + 1, end);
      at = end + 1;
      ArrowType list =
          length.isEmpty()
              ? ArrowType.List.INSTANCE
              : new ArrowType.FixedSizeList(Integer.parseInt(length));
      Field element = new Field("element", field.getFieldType(), field.getChildren());
      field = nested(name, list, List.of(element));
    }
    return field;
  }

  private static Field nested(String name, ArrowType type, List<Field> children) {
    return new Field(name, FieldType.nullable(type), children);
  }

  /** What stands before brackets. */
  private @Nullable Field bare(String name) {
    if (taken("STRUCT(")) {
      List<Field> children = members();
      return children == null ? null : nested(name, ArrowType.Struct.INSTANCE, children);
    }
    if (taken("MAP(")) {
      Field key = field("key");
      boolean _ = taken(", ");
      Field value = field("value");
      at++;
      return key == null || value == null ? null : map(name, key, value);
    }
    if (taken("DECIMAL(")) {
      int end = type.indexOf(')', at);
      String[] digits = type.substring(at, end).split(",");
      at = end + 1;
      ArrowType decimal =
          new ArrowType.Decimal(Integer.parseInt(digits[0]), Integer.parseInt(digits[1]), 128);
      return nested(name, decimal, List.of());
    }
    int begin = at;
    while (at < type.length() && "[,)".indexOf(type.charAt(at)) < 0) {
      at++;
    }
    ArrowType scalar = scalar(type.substring(begin, at));
    return scalar == null ? null : nested(name, scalar, List.of());
  }

  private static Field map(String name, Field key, Field value) {
    Field required = new Field("key", FieldType.notNullable(key.getType()), key.getChildren());
    Field entries =
        new Field(
            "key_value",
            FieldType.notNullable(ArrowType.Struct.INSTANCE),
            List.of(required, value));
    return nested(name, new ArrowType.Map(false), List.of(entries));
  }

  private boolean taken(String word) {
    boolean is = type.startsWith(word, at);
    at += is ? word.length() : 0;
    return is;
  }

  /** {@code a INTEGER, "b c" VARCHAR)}. */
  private @Nullable List<Field> members() {
    List<Field> members = new ArrayList<>();
    do {
      Field member = field(identifier());
      if (member == null) {
        return null;
      }
      members.add(member);
    } while (taken(", "));
    at++;
    return members;
  }

  private String identifier() {
    StringBuilder name = new StringBuilder();
    boolean quoted = taken("\"");
    while (quoted || type.charAt(at) != ' ') {
      if (quoted && type.charAt(at) == '"' && !type.startsWith("\"\"", at)) {
        at++;
        break;
      }
      at += quoted && type.charAt(at) == '"' ? 1 : 0;
      name.append(type.charAt(at++));
    }
    at++;
    return name.toString();
  }

  private static @Nullable ArrowType scalar(String name) {
    return switch (name) {
      case "BOOLEAN" -> ArrowType.Bool.INSTANCE;
      case "TINYINT" -> new ArrowType.Int(Byte.SIZE, true);
      case "SMALLINT" -> new ArrowType.Int(Short.SIZE, true);
      case "INTEGER" -> new ArrowType.Int(Integer.SIZE, true);
      case "BIGINT" -> new ArrowType.Int(Long.SIZE, true);
      case "UTINYINT" -> new ArrowType.Int(Byte.SIZE, false);
      case "USMALLINT" -> new ArrowType.Int(Short.SIZE, false);
      case "UINTEGER" -> new ArrowType.Int(Integer.SIZE, false);
      case "UBIGINT" -> new ArrowType.Int(Long.SIZE, false);
      case "FLOAT" -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
      case "DOUBLE" -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case "DATE" -> new ArrowType.Date(DateUnit.DAY);
      case "TIME" -> new ArrowType.Time(TimeUnit.MICROSECOND, Long.SIZE);
      case "TIMESTAMP" -> new ArrowType.Timestamp(TimeUnit.MICROSECOND, null);
      case "TIMESTAMP_NS" -> new ArrowType.Timestamp(TimeUnit.NANOSECOND, null);
      case "TIMESTAMP WITH TIME ZONE" -> new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC");
      case "TIMESTAMPTZ_NS" -> new ArrowType.Timestamp(TimeUnit.NANOSECOND, "UTC");
      case "VARCHAR", "JSON" -> ArrowType.Utf8.INSTANCE;
      case "BLOB" -> ArrowType.Binary.INSTANCE;
      default -> null;
    };
  }
}
