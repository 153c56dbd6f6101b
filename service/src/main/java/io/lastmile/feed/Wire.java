package io.lastmile.feed;

import io.lastmile.dataset.Json;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The messages of the feed protocol on one connection: uint32 length of what follows, uint8 type,
 * payload; little-endian. One thread reads. Any thread sends, without waiting: a thread of the
 * connection writes, which nobody interrupts (an interrupt in the middle of a write would close the
 * connection).
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

  /** How long the last messages may take when the connection is closed. */
  private static final Duration LAST_WORDS = Duration.ofMillis(250);

  /** Behind the last message; no other is empty. */
  private static final ByteBuffer END_OF_MESSAGES = ByteBuffer.allocate(0);

  private final SocketChannel channel;
  private final BlockingQueue<ByteBuffer> outbox = new LinkedBlockingQueue<>();
  private final Thread writer;

  /** Set by the writer when it ends, read by senders. */
  private volatile boolean written;

  private final ByteBuffer header = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN);

  Wire(SocketChannel channel) {
    this.channel = channel;
    this.writer = Thread.ofPlatform().name("feed-writer").daemon().start(this::writeAll);
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
    post(message(type, text.length).put(text));
  }

  /** Sends a message with two uint32. */
  void send(int type, int first, int second) throws IOException {
    post(message(type, 2 * Integer.BYTES).putInt(first).putInt(second));
  }

  private static ByteBuffer message(int type, int length) {
    return ByteBuffer.allocate(Integer.BYTES + 1 + length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(length + 1)
        .put((byte) type);
  }

  private void post(ByteBuffer message) throws IOException {
    if (written) {
      throw new EOFException("closed");
    }
    outbox.add(message.flip());
  }

  private void writeAll() {
    try {
      for (ByteBuffer message = outbox.take(); message.hasRemaining(); message = outbox.take()) {
        while (message.hasRemaining()) {
          channel.write(message);
        }
      }
    } catch (IOException | InterruptedException _) {
      // The client is gone; the reader notices too.
    } finally {
      written = true;
    }
  }

  /** Closes the connection when what was sent has been written, or cannot be. */
  @Override
  public void close() throws IOException {
    outbox.add(END_OF_MESSAGES);
    try {
      boolean _ = writer.join(LAST_WORDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    channel.close();
  }
}
