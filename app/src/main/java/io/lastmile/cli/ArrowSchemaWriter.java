package io.lastmile.cli;

import com.google.flatbuffers.FlatBufferBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.TimeUnit;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Utf8;

/**
 * The Arrow schema of a generated table as Parquet's key-value metadata {@code ARROW:schema} holds
 * it (base64 of an IPC schema message). It tells readers that an embedding has a fixed size, which
 * Parquet's own schema cannot say.
 */
final class ArrowSchemaWriter {
  private static final int CONTINUATION = 0xFFFFFFFF;
  private static final int ALIGNMENT = 8;

  private final FlatBufferBuilder builder = new FlatBufferBuilder();

  private ArrowSchemaWriter() {}

  /** The metadata value for these columns. */
  static String encode(List<GeneratedColumn> columns) {
    return new ArrowSchemaWriter().message(columns);
  }

  private String message(List<GeneratedColumn> columns) {
    int[] fields = columns.stream().mapToInt(this::field).toArray();
    int vector = Schema.createFieldsVector(builder, fields);
    Schema.startSchema(builder);
    Schema.addEndianness(builder, Endianness.Little);
    Schema.addFields(builder, vector);
    int schema = Schema.endSchema(builder);
    Message.startMessage(builder);
    Message.addVersion(builder, MetadataVersion.V5);
    Message.addHeaderType(builder, MessageHeader.Schema);
    Message.addHeader(builder, schema);
    builder.finish(Message.endMessage(builder));
    byte[] metadata = builder.sizedByteArray();
    int padded = (metadata.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer bytes = ByteBuffer.allocate(ALIGNMENT + padded).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(CONTINUATION).putInt(padded).put(metadata);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  private int field(GeneratedColumn column) {
    return switch (column.form()) {
      case SINGLE -> valueField(column.name(), column.value());
      case LIST -> {
        int child = valueField("element", column.value());
        org.apache.arrow.flatbuf.List.startList(builder);
        yield nested(
            column.name(), Type.List, org.apache.arrow.flatbuf.List.endList(builder), child);
      }
      case EMBEDDING -> {
        int child = valueField("element", column.value());
        int type = FixedSizeList.createFixedSizeList(builder, GeneratedColumn.EMBEDDING_WIDTH);
        yield nested(column.name(), Type.FixedSizeList, type, child);
      }
    };
  }

  private int valueField(String name, GeneratedColumn.Value value) {
    return switch (value) {
      case INT8 -> plain(name, Type.Int, Int.createInt(builder, Byte.SIZE, true));
      case INT32 -> plain(name, Type.Int, Int.createInt(builder, Integer.SIZE, true));
      case INT64 -> plain(name, Type.Int, Int.createInt(builder, Long.SIZE, true));
      case FLOAT32 -> {
        int type = FloatingPoint.createFloatingPoint(builder, Precision.SINGLE);
        yield plain(name, Type.FloatingPoint, type);
      }
      case TEXT -> {
        Utf8.startUtf8(builder);
        yield plain(name, Type.Utf8, Utf8.endUtf8(builder));
      }
      case TIMESTAMP -> {
        int type = Timestamp.createTimestamp(builder, TimeUnit.MILLISECOND, 0);
        yield plain(name, Type.Timestamp, type);
      }
    };
  }

  private int plain(String name, byte kind, int type) {
    return field(name, kind, type, new int[0]);
  }

  private int nested(String name, byte kind, int type, int child) {
    return field(name, kind, type, new int[] {child});
  }

  private int field(String name, byte kind, int type, int[] children) {
    int text = builder.createString(name);
    int vector = Field.createChildrenVector(builder, children);
    Field.startField(builder);
    Field.addName(builder, text);
    Field.addNullable(builder, true);
    Field.addTypeType(builder, kind);
    Field.addType(builder, type);
    Field.addChildren(builder, vector);
    return Field.endField(builder);
  }
}
