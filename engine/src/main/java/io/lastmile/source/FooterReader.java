package io.lastmile.source;

import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** Reads the footers of files, several at a time, and says what is wrong with one. */
final class FooterReader {
  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ENCRYPTED = "PARE".getBytes(StandardCharsets.US_ASCII);

  /** Length and magic after the footer. */
  private static final int TRAILER = 8;

  /** Read at once from the end of a file; most footers are shorter. */
  private static final int FIRST_READ = 64 << 10;

  private final String element;
  private final Set<String> statistics;

  private final Map<String, Map<String, Integer>> lengths = new ConcurrentHashMap<>();

  /** The schemas of files that are written alike: each is read, and held, once. */
  private final Map<String, FooterSchema> schemas = new ConcurrentHashMap<>();

  /**
   * A reader for a source.
   *
   * @param element of the experiment, for errors
   * @param statistics names of the columns whose statistics are read, whatever their case
   */
  FooterReader(String element, Set<String> statistics) {
    this.element = element;
    this.statistics =
        statistics.stream().map(name -> name.toLowerCase(Locale.ROOT)).collect(Collectors.toSet());
  }

  /**
   * The footers of files, in their order.
   *
   * @throws LastmileException for the first of the files that cannot be read
   */
  List<Footer> read(List<FoundFile> files, int threads) {
    // Each index is taken by one thread, which alone writes to it; close() makes them visible.
    Object[] results = new Object[files.size()];
    AtomicInteger next = new AtomicInteger();
    Runnable loop =
        () -> {
          for (int i = next.getAndIncrement(); i < results.length; i = next.getAndIncrement()) {
            results[i] = result(files.get(i));
          }
        };
    if (threads == 1 || files.size() == 1) {
      loop.run();
    } else {
      try (ExecutorService pool = Executors.newFixedThreadPool(Math.min(threads, files.size()))) {
        for (int i = 0; i < threads; i++) {
          pool.execute(loop);
        }
      }
    }
    List<Footer> footers = new ArrayList<>(results.length);
    for (Object result : results) {
      if (!(result instanceof Footer footer)) {
        throw result instanceof RuntimeException e ? e : new IllegalStateException();
      }
      footers.add(footer);
    }
    return footers;
  }

  /** The footer or the failure of one file. */
  private Object result(FoundFile file) {
    try {
      return read(file);
    } catch (RuntimeException e) {
      return e;
    }
  }

  private Footer read(FoundFile file) {
    byte[] footer;
    try (FileChannel channel = FileChannel.open(file.path())) {
      footer = bytes(file, channel);
    } catch (AccessDeniedException e) {
      throw failure("Cannot read \"" + file.shown() + "\": permission denied");
    } catch (NoSuchFileException e) {
      throw failure("Cannot read \"" + file.shown() + "\": no such file");
    } catch (IOException e) {
      throw failure("Cannot read \"" + file.shown() + "\": " + e.getMessage());
    }
    try {
      return Footer.parse(footer, this::schema, this::fixedLengths);
    } catch (RuntimeException e) {
      throw failure("\"" + file.shown() + "\" has a damaged footer");
    }
  }

  private FooterSchema schema(CompactReader in) {
    for (FooterSchema known : schemas.values()) {
      if (in.passes(known.text())) {
        return known;
      }
    }
    FooterSchema read = FooterSchema.read(in, statistics);
    return schemas.computeIfAbsent(read.text(), any -> read);
  }

  /** Files that are written alike have the same Arrow schema, which is as long as a footer. */
  private Map<String, Integer> fixedLengths(String arrow) {
    return lengths.computeIfAbsent(arrow, ArrowSchema::fixedLengths);
  }

  /**
   * The hash of the footer that a file has now, as {@link Footer#hash}.
   *
   * @throws IOException when it cannot be read, or is none
   */
  static String hash(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      FoundFile found = new FoundFile(file, file.toString(), size, Instant.EPOCH);
      return Footer.hash(new FooterReader("", Set.of()).bytes(found, channel));
    } catch (LastmileException e) {
      throw new IOException(e);
    }
  }

  private byte[] bytes(FoundFile file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size == 0) {
      throw failure("\"" + file.shown() + "\" is empty (0 bytes)");
    }
    byte[] tail = read(channel, Math.max(0, size - FIRST_READ), size);
    checkMagic(file, channel, tail);
    int at = tail.length - TRAILER;
    long length =
        Integer.toUnsignedLong(ByteBuffer.wrap(tail).order(ByteOrder.LITTLE_ENDIAN).getInt(at));
    if (length > size - TRAILER - MAGIC.length) {
      throw failure("\"" + file.shown() + "\" has a damaged footer");
    }
    if (length <= at) {
      return Arrays.copyOfRange(tail, at - (int) length, at);
    }
    return read(channel, size - TRAILER - length, size - TRAILER);
  }

  private void checkMagic(FoundFile file, FileChannel channel, byte[] tail) throws IOException {
    boolean isLong = tail.length >= TRAILER + MAGIC.length;
    byte[] end = isLong ? Arrays.copyOfRange(tail, tail.length - 4, tail.length) : new byte[0];
    if (Arrays.equals(end, MAGIC)) {
      return;
    }
    if (Arrays.equals(end, ENCRYPTED)) {
      throw failure("\"" + file.shown() + "\" is encrypted (not supported yet)");
    }
    byte[] start = read(channel, 0, Math.min(channel.size(), MAGIC.length));
    String what = Arrays.equals(start, MAGIC) ? "is truncated" : "is no Parquet file";
    throw failure("\"" + file.shown() + "\" " + what + " (no PAR1 magic at its end)");
  }

  private static byte[] read(FileChannel channel, long from, long to) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(Math.toIntExact(to - from));
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, from + buffer.position()) < 0) {
        throw new IOException("the file became shorter");
      }
    }
    return buffer.array();
  }

  private LastmileException failure(String message) {
    return LastmileException.user(element, message);
  }
}
