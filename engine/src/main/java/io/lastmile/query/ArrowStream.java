package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float2Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.jspecify.annotations.Nullable;

/**
 * The batches of an Arrow reader by Arrow's C stream interface
 * (https://arrow.apache.org/docs/format/CStreamInterface.html), their buffers in place, but those
 * of 16-bit floats as 32-bit ones. Read once, by one thread. Arrow's own bridge would leave a
 * library in the folder for temporary files behind when the process is killed.
 */
public final class ArrowStream implements AutoCloseable {
  private static final int DICTIONARY_ORDERED = 1;
  private static final int NULLABLE = 2;

  /** The words of the C structures. */
  private static final int SCHEMA_WORDS = 9;

  private static final int ARRAY_WORDS = 10;
  private static final int STREAM_WORDS = 5;
  private static final int SCHEMA_RELEASE = 7;
  private static final int ARRAY_RELEASE = 8;
  private static final int STREAM_RELEASE = 3;

  /** Any error number but 0. */
  private static final int FAILED = 5;

  private final ArrowReader reader;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment stream = arena.allocate(JAVA_LONG, STREAM_WORDS);

  /** What the engine holds, by the number of its first row, until it gives it back. */
  private final Map<Long, Held> held = new HashMap<>();

  private final long releaseSchema;
  private final long releaseChild;
  private final long releaseArray;
  private @Nullable MemorySegment failure;
  private final int multiple;

  /** Batches read, rows given, and those of them that are of the last batch. */
  private long batches;

  private long rows;
  private int at;

  /** Rows that the engine holds: their buffers, and those of 16-bit floats as 32-bit ones. */
  private static final class Held implements AutoCloseable {
    private final ArrowRecordBatch batch;
    private final Arena widened = Arena.ofShared();

    Held(ArrowRecordBatch batch) {
      this.batch = batch;
    }

    @Override
    public void close() {
      batch.close();
      widened.close();
    }
  }

  /**
   * The stream of a reader, which stays the caller's and must be closed after this.
   *
   * @param reader at its first batch
   * @param multiple no array has rows on both sides of a multiple of so many
   */
  public ArrowStream(ArrowReader reader, int multiple) {
    this.reader = reader;
    this.multiple = multiple;
    FunctionDescriptor run = FunctionDescriptor.ofVoid(JAVA_LONG);
    FunctionDescriptor give = FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG);
    releaseSchema = stub("releaseSchema", run);
    releaseChild = stub("releaseChild", run);
    releaseArray = stub("releaseArray", run);
    stream.setAtIndex(JAVA_LONG, 0, stub("giveSchema", give));
    stream.setAtIndex(JAVA_LONG, 1, stub("giveNext", give));
    stream.setAtIndex(JAVA_LONG, 2, stub("failure", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG)));
    stream.setAtIndex(JAVA_LONG, STREAM_RELEASE, stub("releaseStream", run));
  }

  /** The address of the ArrowArrayStream. */
  long address() {
    return stream.address();
  }

  private long stub(String method, FunctionDescriptor shape) {
    MethodType type = shape.toMethodType();
    try {
      MethodHandle handle =
          MethodHandles.lookup().findVirtual(ArrowStream.class, method, type).bindTo(this);
      return Linker.nativeLinker().upcallStub(handle, shape, arena).address();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  // The methods that the engine calls: nothing may be thrown into native code.

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private int giveSchema(long self, long out) {
    try {
      List<Field> fields = reader.getVectorSchemaRoot().getSchema().getFields();
      MemorySegment schema = words(out, SCHEMA_WORDS);
      schema.setAtIndex(JAVA_LONG, 0, text("+s"));
      schema.setAtIndex(JAVA_LONG, 1, text(""));
      schema.setAtIndex(JAVA_LONG, 2, 0);
      schema.setAtIndex(JAVA_LONG, 3, 0);
      schema.setAtIndex(JAVA_LONG, 4, fields.size());
      schema.setAtIndex(JAVA_LONG, 5, schemas(fields));
      schema.setAtIndex(JAVA_LONG, 6, 0);
      schema.setAtIndex(JAVA_LONG, SCHEMA_RELEASE, releaseSchema);
      return 0;
    } catch (Throwable e) {
      return failed(e);
    }
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private int giveNext(long self, long out) {
    try {
      MemorySegment array = words(out, ARRAY_WORDS);
      array.fill((byte) 0);
      VectorSchemaRoot root = reader.getVectorSchemaRoot();
      while (at == root.getRowCount() || batches == 0) {
        at = 0;
        if (!reader.loadNextBatch()) {
          return 0;
        }
        batches++;
      }
      int count = (int) Math.min(root.getRowCount() - at, multiple - rows % multiple);
      try (VectorSchemaRoot part = root.slice(at, count)) {
        give(part, array);
      }
      at += count;
      rows += count;
      return 0;
    } catch (Throwable e) {
      return failed(e);
    }
  }

  private void give(VectorSchemaRoot part, MemorySegment array) {
    // The reader gives the buffers of a batch back with its next one: this holds them.
    Held given = new Held(new VectorUnloader(part).getRecordBatch());
    held.put(rows, given);
    array.setAtIndex(JAVA_LONG, 0, part.getRowCount());
    array.setAtIndex(JAVA_LONG, 3, 1);
    array.setAtIndex(JAVA_LONG, 4, part.getFieldVectors().size());
    array.setAtIndex(JAVA_LONG, 5, arena.allocate(JAVA_LONG, 1).address());
    array.setAtIndex(JAVA_LONG, 6, arrays(part.getFieldVectors(), given.widened));
    array.setAtIndex(JAVA_LONG, ARRAY_RELEASE, releaseArray);
    array.setAtIndex(JAVA_LONG, ARRAY_WORDS - 1, rows);
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private long failure(long self) {
    return failure == null ? 0 : failure.address();
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private void releaseSchema(long schema) {
    words(schema, SCHEMA_WORDS).setAtIndex(JAVA_LONG, SCHEMA_RELEASE, 0);
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private void releaseChild(long array) {
    words(array, ARRAY_WORDS).setAtIndex(JAVA_LONG, ARRAY_RELEASE, 0);
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private void releaseArray(long array) {
    MemorySegment words = words(array, ARRAY_WORDS);
    Held given = held.remove(words.getAtIndex(JAVA_LONG, ARRAY_WORDS - 1));
    if (given != null) {
      given.close();
    }
    words.setAtIndex(JAVA_LONG, ARRAY_RELEASE, 0);
  }

  @SuppressWarnings({"UnusedMethod", "UnusedVariable"})
  private void releaseStream(long self) {
    stream.setAtIndex(JAVA_LONG, STREAM_RELEASE, 0);
  }

  private int failed(Throwable e) {
    String message = e.getMessage();
    failure = arena.allocateFrom(message == null ? e.toString() : message);
    return FAILED;
  }

  private long schemas(List<Field> fields) {
    MemorySegment all = arena.allocate(JAVA_LONG, Math.max(1, fields.size()));
    for (int i = 0; i < fields.size(); i++) {
      all.setAtIndex(JAVA_LONG, i, schema(fields.get(i)));
    }
    return all.address();
  }

  private long schema(Field field) {
    DictionaryEncoding encoding = field.getDictionary();
    MemorySegment schema = arena.allocate(JAVA_LONG, SCHEMA_WORDS);
    String format = ArrowFormats.of(encoding == null ? field.getType() : encoding.getIndexType());
    int flags = field.isNullable() ? NULLABLE : 0;
    if (encoding != null && encoding.isOrdered()) {
      flags |= DICTIONARY_ORDERED;
    }
    schema.setAtIndex(JAVA_LONG, 0, text(format));
    schema.setAtIndex(JAVA_LONG, 1, text(field.getName()));
    schema.setAtIndex(JAVA_LONG, 3, flags);
    if (encoding == null) {
      schema.setAtIndex(JAVA_LONG, 4, field.getChildren().size());
      schema.setAtIndex(JAVA_LONG, 5, schemas(field.getChildren()));
    } else {
      schema.setAtIndex(JAVA_LONG, 6, schema(values(encoding).getField()));
    }
    schema.setAtIndex(JAVA_LONG, SCHEMA_RELEASE, releaseSchema);
    return schema.address();
  }

  private FieldVector values(DictionaryEncoding encoding) {
    return reader.lookup(encoding.getId()).getVector();
  }

  private long arrays(List<FieldVector> vectors, Arena widened) {
    MemorySegment all = arena.allocate(JAVA_LONG, Math.max(1, vectors.size()));
    for (int i = 0; i < vectors.size(); i++) {
      all.setAtIndex(JAVA_LONG, i, array(vectors.get(i), widened));
    }
    return all.address();
  }

  private long array(FieldVector vector, Arena widened) {
    MemorySegment array = arena.allocate(JAVA_LONG, ARRAY_WORDS);
    List<ArrowBuf> buffers = vector.getFieldBuffers();
    MemorySegment addresses = arena.allocate(JAVA_LONG, Math.max(1, buffers.size()));
    for (int i = 0; i < buffers.size(); i++) {
      boolean hasNone = i == 0 && buffers.size() > 0 && vector.getNullCount() == 0;
      addresses.setAtIndex(JAVA_LONG, i, hasNone ? 0 : buffers.get(i).memoryAddress());
    }
    if (vector instanceof Float2Vector halves) {
      addresses.setAtIndex(JAVA_LONG, 1, widened(halves, widened));
    }
    List<FieldVector> children = vector.getChildrenFromFields();
    array.setAtIndex(JAVA_LONG, 0, vector.getValueCount());
    array.setAtIndex(JAVA_LONG, 1, vector.getNullCount());
    array.setAtIndex(JAVA_LONG, 3, buffers.size());
    array.setAtIndex(JAVA_LONG, 4, children.size());
    array.setAtIndex(JAVA_LONG, 5, addresses.address());
    array.setAtIndex(JAVA_LONG, 6, arrays(children, widened));
    DictionaryEncoding encoding = vector.getField().getDictionary();
    if (encoding != null) {
      array.setAtIndex(JAVA_LONG, 7, array(values(encoding), widened));
    }
    array.setAtIndex(JAVA_LONG, ARRAY_RELEASE, releaseChild);
    return array.address();
  }

  private static long widened(Float2Vector halves, Arena arena) {
    int count = halves.getValueCount();
    MemorySegment floats = arena.allocate(JAVA_FLOAT, Math.max(1, count));
    for (int i = 0; i < count; i++) {
      short half = halves.getDataBuffer().getShort((long) i * Float2Vector.TYPE_WIDTH);
      floats.setAtIndex(JAVA_FLOAT, i, Float.float16ToFloat(half));
    }
    return floats.address();
  }

  private long text(String text) {
    return arena.allocateFrom(text).address();
  }

  private static MemorySegment words(long address, int count) {
    return MemorySegment.ofAddress(address).reinterpret(count * JAVA_LONG.byteSize());
  }

  /** Gives back what the engine still holds; no query may read it any more. */
  @Override
  public void close() throws IOException {
    held.values().forEach(Held::close);
    held.clear();
    arena.close();
  }
}
