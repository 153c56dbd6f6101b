package io.lastmile.run;

import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The folder {@code runs/<name>-<n>/} of a run: {@code experiment.json}, {@code files.json}, {@code
 * events.jsonl}, {@code logs/}, {@code certificates/}, {@code lineage/} and, at the end, {@code
 * summary.json}. Its driver has the {@link RecordLock}.
 *
 * <p>Every method may be called from any thread.
 */
public final class RunRecord implements AutoCloseable {
  private static final String CERTIFICATES = "certificates";
  private static final String SUMMARY = "summary.json";
  private static final String LINEAGE = "lineage";

  private final Path folder;
  private final Clock clock;
  private final RecordLock lock;

  /** Why the first line of events and logs was lost, guarded by this; none is written after it. */
  private @Nullable LastmileException lost;

  private RunRecord(Path folder, Clock clock, RecordLock lock) {
    this.folder = folder;
    this.clock = clock;
    this.lock = lock;
  }

  /**
   * Makes the folder of a new run, with the next free number from 1.
   *
   * @param runs the folder of all runs, made where it does not exist
   * @param name of the experiment
   * @throws LastmileException USER when it cannot be made
   */
  public static RunRecord create(Path runs, String name) {
    return create(runs, name, Clock.systemUTC());
  }

  static RunRecord create(Path runs, String name, Clock clock) {
    Path absolute = runs.toAbsolutePath().normalize();
    try {
      Files.createDirectories(absolute);
      Path folder = nextFolder(absolute, name);
      RecordLock lock = RecordLock.take(folder);
      if (lock == null) {
        throw new IOException("another process has taken " + folder);
      }
      RunRecord record = new RunRecord(folder, clock, lock);
      Files.createDirectory(record.logs());
      return record;
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.USER,
          "Cannot make a run record in %s: %s (choose another folder: --runs DIR)"
              .formatted(absolute, e.getMessage()),
          e);
    }
  }

  /**
   * Takes over the record of a run whose driver has ended.
   *
   * @throws LastmileException USER when it has not
   * @throws IOException when it is no folder of a record, or cannot be written
   */
  public static RunRecord reopen(Path folder) throws IOException {
    Path real = folder.toRealPath();
    RecordLock lock = RecordLock.take(real);
    if (lock == null) {
      throw LastmileException.of(
          FailureKind.USER, "Run %s still goes on (end it first)".formatted(folder));
    }
    return new RunRecord(real, Clock.systemUTC(), lock);
  }

  /** Making the folder decides the number: two runs that start at once get two. */
  private static Path nextFolder(Path runs, String name) throws IOException {
    for (int number = 1; ; number++) {
      try {
        return Files.createDirectory(runs.resolve(name + "-" + number));
      } catch (FileAlreadyExistsException _) {
        // Taken: the next one.
      }
    }
  }

  /** {@code <name>-<n>}. */
  public String id() {
    return String.valueOf(folder.getFileName());
  }

  /** The folder, absolute. */
  public Path folder() {
    return folder;
  }

  /** The folder of the logs. */
  public Path logs() {
    return folder.resolve("logs");
  }

  /**
   * Keeps the experiment as it runs.
   *
   * @param folder where its relative paths start
   */
  public void experiment(String canonicalJson, Path folder) {
    replace("origin.json", Json.write(Map.of("folder", folder.toAbsolutePath().toString())));
    replace("experiment.json", canonicalJson);
  }

  /**
   * Keeps the certificate of an epoch; as {@link #event} when it cannot.
   *
   * @param name dataset and epoch, such as {@code train-0}
   */
  public synchronized void certificate(String name, Map<String, ? extends @Nullable Object> tree) {
    keep(folder.resolve(CERTIFICATES), name, tree);
  }

  /** Keeps what became of the rows so far, as a tree of JSON; as {@link #event} when it cannot. */
  public synchronized void history(Map<String, ?> tree) {
    keep(folder, "history", tree);
  }

  /**
   * Keeps where the rows of an epoch went, beside {@link #counts}; as {@link #event} when it
   * cannot.
   *
   * @param name dataset and epoch, such as {@code train-0}
   */
  public synchronized void lineage(String name, Map<String, ?> tree) {
    keep(folder.resolve(LINEAGE), name, tree);
  }

  private void keep(Path in, String name, Map<String, ? extends @Nullable Object> tree) {
    try {
      if (!in.equals(folder)) {
        Files.createDirectories(in);
      }
      replace(in.resolve(name + ".json"), Json.write(tree));
    } catch (IOException e) {
      lost = lost == null ? unwritable(in, e) : lost;
    } catch (LastmileException e) {
      lost = lost == null ? e : lost;
    }
  }

  /** What {@link #lineage} kept of an epoch, perhaps by an earlier driver; null: nothing. */
  public @Nullable Map<?, ?> lineage(String name) {
    Path file = folder.resolve(LINEAGE).resolve(name + ".json");
    try {
      return Files.exists(file) && Json.parse(Files.readString(file)) instanceof Map<?, ?> tree
          ? tree
          : null;
    } catch (IOException | IllegalArgumentException _) {
      return null; // nothing that could be gone on with
    }
  }

  /**
   * Keeps how many rows splits gave, each as an int64, little-endian, at 8 bytes times its ordinal;
   * as {@link #event} when it cannot.
   *
   * @param name of the file, in the folder of the lineage
   * @param first ordinal of the first of them; those before it that are not in the file are -1
   */
  public synchronized void counts(String name, int first, long[] rows) {
    Path file = folder.resolve(LINEAGE).resolve(name);
    if (lost != null || rows.length == 0) {
      return;
    }
    try {
      Files.createDirectories(folder.resolve(LINEAGE));
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        int known = Math.toIntExact(Math.min(channel.size() / Long.BYTES, first));
        ByteBuffer bytes =
            ByteBuffer.allocate((first - known + rows.length) * Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int unknown = known; unknown < first; unknown++) {
          bytes.putLong(-1);
        }
        for (long count : rows) {
          bytes.putLong(count);
        }
        bytes.flip();
        long at = (long) known * Long.BYTES;
        while (bytes.hasRemaining()) {
          at += channel.write(bytes, at);
        }
      }
    } catch (IOException e) {
      lost = unwritable(file, e);
    }
  }

  /** Keeps which files the run reads, as a tree of JSON. */
  public void files(Map<String, ?> files) {
    replace("files.json", Json.write(files));
  }

  /**
   * Adds an event. A full disk does not end the training: what cannot be added is missed at the
   * {@link #summary}.
   *
   * @param name what happened
   * @param details beside the event and its time
   */
  public void event(String name, Map<String, ? extends @Nullable Object> details) {
    Map<String, @Nullable Object> tree = new HashMap<>(details);
    tree.put("event", name);
    tree.put("time", now().toString());
    append(folder.resolve("events.jsonl"), Json.write(tree));
  }

  /** Adds a line, or several, to the driver's log; as {@link #event} when it cannot. */
  public void log(String text) {
    append(logs().resolve("driver.log"), now() + " " + text);
  }

  /**
   * The run goes on: how it had ended before is no longer so.
   *
   * @throws LastmileException RESOURCES when the record cannot be written
   */
  public synchronized void goesOn() {
    Path summary = folder.resolve(SUMMARY);
    try {
      Files.deleteIfExists(summary);
    } catch (IOException e) {
      throw unwritable(summary, e);
    }
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }

  /**
   * Writes {@code summary.json}: whole or not at all.
   *
   * @throws LastmileException RESOURCES when it cannot be written, or when events or lines of the
   *     log could not: then the record is not whole
   */
  public synchronized void summary(Summary summary) {
    replace(SUMMARY, Json.write(SummaryJson.tree(summary)));
    if (lost != null) {
      throw lost;
    }
  }

  private synchronized void append(Path file, String line) {
    if (lost != null) {
      return;
    }
    try {
      Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      lost = unwritable(file, e);
    }
  }

  private void replace(String name, String json) {
    replace(folder.resolve(name), json);
  }

  private synchronized void replace(Path file, String json) {
    Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
    try {
      Files.writeString(fresh, json + "\n");
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  /** Nothing is written any more: another driver may take it over. Idempotent. */
  @Override
  public void close() {
    lock.close();
  }

  private static LastmileException unwritable(Path file, IOException e) {
    return LastmileException.of(
        FailureKind.RESOURCES, "Cannot write %s: %s".formatted(file, e.getMessage()), e);
  }
}
