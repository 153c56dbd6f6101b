package io.lastmile.feed;

import io.lastmile.dataset.Json;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The messages of the feed protocol on one connection: uint32 length of what follows, uint8 type,
 * payload; little-endian. One thread reads; any thread writes.
 */
final class Wire implements AutoCloseable {
  static final int PROTOCOL = 1;

  static final int HELLO = 1;
  static final int MAPPED = 2;
  static final int FREE = 3;
  static final int STEP = 4;
  static final int START = 5;
  static final int BYE = 6;
  static final int LIFELINE = 7;
  static final int MAPPED_LARGE = 8;
  static final int WELCOME = 16;
  static final int BATCH = 17;
  static final int LARGE = 18;
  static final int END = 19;
  static final int ERROR = 20;

  /** Longest message that is taken from a client: a HELLO with a position. */
  private static final int LONGEST = 1 << 20;

  private final SocketChannel channel;
  private final ByteBuffer header = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN);

  Wire(SocketChannel channel) {
    this.channel = channel;
  }

  /** A message that came. */
  record Message(int type, ByteBuffer payload) {
    /** The payload as JSON object. */
    Map<?, ?> json() throws IOException {
      if (Json.parse(StandardCharsets.UTF_8.decode(payload.duplicate()).toString())
          instanceof Map<?, ?> map) {
        return map;
      }
      throw new IOException("message " + type + " is no JSON object");
    }
  }

  /** Waits for the next message. */
  Message read() throws IOException {
    header.clear();
    fill(header);
    int length = header.getInt() - 1;
    int type = header.get() & 0xFF;
    if (length < 0 || length > LONGEST) {
      throw new IOException("a message of " + length + " bytes (at most " + LONGEST + ")");
    }
    ByteBuffer payload = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    fill(payload);
    return new Message(type, payload);
  }

  private void fill(ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException("closed");
      }
    }
    buffer.flip();
  }

  /** Sends a message with a JSON payload. */
  void send(int type, Map<String, ?> json) throws IOException {
    byte[] text = Json.write(json).getBytes(StandardCharsets.UTF_8);
    write(message(type, text.length).put(text));
  }

  /** Sends a message with two uint32. */
  void send(int type, int first, int second) throws IOException {
    write(message(type, 2 * Integer.BYTES).putInt(first).putInt(second));
  }

  private static ByteBuffer message(int type, int length) {
    return ByteBuffer.allocate(Integer.BYTES + 1 + length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(length + 1)
        .put((byte) type);
  }

  private synchronized void write(ByteBuffer message) throws IOException {
    message.flip();
    while (message.hasRemaining()) {
      if (channel.write(message) < 0) {
        throw new EOFException("closed");
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
