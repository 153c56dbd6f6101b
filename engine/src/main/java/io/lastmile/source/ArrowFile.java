package io.lastmile.source;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ArrowFormats;
import io.lastmile.query.ArrowStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * An Arrow IPC file, of the file or the stream format, its buffers compressed or not. One thread.
 */
final class ArrowFile {
  private static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);

  private final FoundFile file;
  private final String element;

  ArrowFile(FoundFile file, String element) {
    this.file = file;
    this.element = element;
  }

  /**
   * What a reading found.
   *
   * @param rows of all batches
   * @param schema as Arrow writers keep it in Parquet files
   */
  record Content(long rows, String schema) {}

  /** What is done with the batches of a file. */
  interface Use {
    void stream(ArrowStream stream);
  }

  /** Reads the whole file once: a wrong offset or index would end the process in the engine. */
  Content check() throws IOException {
    try (BufferAllocator allocator = new RootAllocator(Conversion.LIMIT);
        FileChannel channel = FileChannel.open(file.path());
        ArrowReader reader = reader(channel, allocator)) {
      return check(reader);
    } catch (OutOfMemoryException e) {
      throw failure(
          "\"%s\" has a record batch that needs more than %d MiB (convert it to Parquet)"
              .formatted(file.shown(), Conversion.LIMIT >> 20));
    } catch (LastmileException | IOException e) {
      throw e instanceof LastmileException known ? known : damaged(e);
    } catch (LinkageError e) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Arrow files need the option --add-opens=java.base/java.nio=ALL-UNNAMED of the JVM",
          e);
    } catch (RuntimeException | AssertionError e) {
      // Arrow's reader asserts, where assertions are on, what it takes from the file.
      throw damaged(e);
    }
  }

  /** Reads a file that has been checked. */
  void read(Use use) throws IOException {
    try (BufferAllocator allocator = new RootAllocator(Conversion.LIMIT);
        FileChannel channel = FileChannel.open(file.path());
        ArrowReader reader = reader(channel, allocator);
        ArrowStream stream = new ArrowStream(reader, Conversion.ROW_GROUP)) {
      use.stream(stream);
    }
  }

  private ArrowReader reader(FileChannel channel, BufferAllocator allocator) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(MAGIC.length).order(ByteOrder.LITTLE_ENDIAN);
    int read = channel.read(head, 0);
    if (read == MAGIC.length && ByteBuffer.wrap(MAGIC).equals(head.flip())) {
      return new ArrowFileReader(channel, allocator, CommonsCompressionFactory.INSTANCE);
    }
    // A stream begins with -1 and the length of its schema; in old versions with that length.
    int first = read < Integer.BYTES ? 0 : head.getInt(0);
    if (first != -1 && (first <= 0 || first > file.bytes())) {
      throw failure("\"%s\" is no Arrow IPC file".formatted(file.shown()));
    }
    checkLengths(channel);
    return new ArrowStreamReader(
        Channels.newInputStream(channel), allocator, CommonsCompressionFactory.INSTANCE);
  }

  /** Arrow's reader would make room for whatever length stands before a message. */
  private static void checkLengths(FileChannel channel) throws IOException {
    long at = 0;
    while (at < channel.size()) {
      int length = integer(channel, at);
      at += Integer.BYTES;
      if (length == -1) {
        length = integer(channel, at);
        at += Integer.BYTES;
      }
      if (length == 0) {
        return;
      }
      if (length < 0 || length > channel.size() - at) {
        throw new IOException("a message of " + length + " bytes");
      }
      ByteBuffer message = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
      read(channel, message, at);
      long body = Message.getRootAsMessage(message.flip()).bodyLength();
      at += length;
      if (body < 0 || body > channel.size() - at) {
        throw new IOException("a message with " + body + " bytes of data");
      }
      at += body;
    }
  }

  private static int integer(FileChannel channel, long at) throws IOException {
    ByteBuffer four = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    read(channel, four, at);
    return four.getInt(0);
  }

  private static void read(FileChannel channel, ByteBuffer into, long at) throws IOException {
    while (into.hasRemaining()) {
      if (channel.read(into, at + into.position()) < 0) {
        throw new IOException("it ends too early");
      }
    }
  }

  private Content check(ArrowReader reader) throws IOException {
    VectorSchemaRoot root = reader.getVectorSchemaRoot();
    Schemas.checkNames(
        root.getSchema().getFields().stream().map(Field::getName).toList(), file, element);
    root.getSchema().getFields().forEach(field -> checkType(field, field.getName(), reader));
    ArrowChecks checks = new ArrowChecks(reader);
    long rows = 0;
    while (reader.loadNextBatch()) {
      for (FieldVector vector : root.getFieldVectors()) {
        checks.check(vector, root.getRowCount());
      }
      rows += root.getRowCount();
    }
    ByteArrayOutputStream schema = new ByteArrayOutputStream();
    MessageSerializer.serialize(new WriteChannel(Channels.newChannel(schema)), root.getSchema());
    return new Content(rows, Base64.getEncoder().encodeToString(schema.toByteArray()));
  }

  private void checkType(Field field, String column, DictionaryProvider dictionaries) {
    if (field.getDictionary() != null) {
      Dictionary values = dictionaries.lookup(field.getDictionary().getId());
      checkType(values.getVector().getField(), column, dictionaries);
    }
    boolean isStruct = field.getType() instanceof ArrowType.Struct;
    try {
      String format = ArrowFormats.of(field.getType());
      if (format.equals("n") || (isStruct && field.getChildren().isEmpty())) {
        throw new UnsupportedOperationException(isStruct ? "Struct without fields" : "Null");
      }
    } catch (UnsupportedOperationException e) {
      throw failure(
          "Column \"%s\" of \"%s\" is %s (no table can hold it; write it with another type)"
              .formatted(column, file.shown(), e.getMessage()));
    }
    for (Field child : field.getChildren()) {
      if (isStruct && child.getName().isEmpty()) {
        throw Schemas.nameless(column, file, element);
      }
      checkType(child, column, dictionaries);
    }
  }

  private LastmileException damaged(Throwable e) {
    return failure(
        "\"%s\" is no Arrow IPC file, or a damaged one (%s)"
            .formatted(file.shown(), e.getMessage() == null ? e.toString() : e.getMessage()));
  }

  private LastmileException failure(String message) {
    return LastmileException.user(element, message);
  }
}
