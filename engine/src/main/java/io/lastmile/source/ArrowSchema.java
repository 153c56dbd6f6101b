package io.lastmile.source;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;

/**
 * The schema that Arrow writers keep beside Parquet's own, which knows no lists of fixed length.
 */
final class ArrowSchema {
  private static final int CONTINUATION = -1;

  private ArrowSchema() {}

  /**
   * The lengths of the columns that are lists of a fixed length.
   *
   * @param base64 the value of the key ARROW:schema: an Arrow IPC message
   */
  static Map<String, Integer> fixedLengths(String base64) {
    ByteBuffer bytes =
        ByteBuffer.wrap(Base64.getDecoder().decode(base64)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(bytes.getInt(0) == CONTINUATION ? 8 : 4);
    Map<String, Integer> lengths = new HashMap<>();
    if (Message.getRootAsMessage(bytes.slice().order(ByteOrder.LITTLE_ENDIAN)).header(new Schema())
        instanceof Schema schema) {
      for (int i = 0; i < schema.fieldsLength(); i++) {
        Field field = schema.fields(i);
        if (field.typeType() == Type.FixedSizeList
            && field.type(new FixedSizeList()) instanceof FixedSizeList list) {
          lengths.put(field.name(), list.listSize());
        }
      }
    }
    return lengths;
  }
}
