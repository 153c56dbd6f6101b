package io.lastmile.run;

import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A run that left a record.
 *
 * @param id {@code <name>-<n>}
 * @param started when
 * @param seconds it took; null while it has no summary
 * @param kind {@code ok} or how it failed; null while it has no (readable) summary: it still runs,
 *     or its driver was killed
 * @param rowsDelivered by all feeds; null while it has no summary
 */
public record RecordedRun(
    String id,
    Instant started,
    @Nullable Double seconds,
    @Nullable String kind,
    @Nullable Long rowsDelivered) {
  private static final Pattern EPOCH = Pattern.compile("-(\\d{1,9})$");

  /** The runs of a folder, the oldest first; none when there is no such folder. */
  public static List<RecordedRun> list(Path runs) throws IOException {
    List<RecordedRun> found = new ArrayList<>();
    if (Files.isDirectory(runs)) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(runs)) {
        for (Path folder : folders) {
          if (Files.isRegularFile(folder.resolve("experiment.json"))) {
            found.add(read(folder));
          }
        }
      }
    }
    found.sort(Comparator.comparing(RecordedRun::started).thenComparing(RecordedRun::id));
    return found;
  }

  /**
   * What a run kept.
   *
   * @param experiment as it ran, in canonical JSON
   * @param folder where its relative paths start
   * @param certificates their files, by name
   * @param lineage where the rows of each epoch went: files, by name
   * @param kind {@code ok} or how it failed; null: it has no (readable) summary
   * @param files it read, as a tree of JSON; empty: it had not come so far
   * @param history of its feeds, as a tree of JSON; empty: it had not come so far
   */
  public record Kept(
      String experiment,
      Path folder,
      List<Path> certificates,
      List<Path> lineage,
      @Nullable String kind,
      Map<?, ?> files,
      Map<?, ?> history) {
    public Kept {
      certificates = List.copyOf(certificates);
      lineage = List.copyOf(lineage);
    }
  }

  /**
   * What the run of a folder kept.
   *
   * @throws LastmileException USER when it is no folder of a run, or cannot be read
   */
  public static Kept kept(Path folder) {
    try {
      return readKept(folder);
    } catch (IOException e) {
      throw none(folder, e);
    }
  }

  /** What the user is told of a folder that is no record of a run, or cannot be read. */
  public static LastmileException none(Path folder, IOException e) {
    return LastmileException.of(
        FailureKind.USER,
        "No run record in %s: %s (lastmile runs lists them)".formatted(folder, e.getMessage()));
  }

  private static Kept readKept(Path folder) throws IOException {
    String experiment = Files.readString(folder.resolve("experiment.json")).strip();
    String origin = folder(Files.readString(folder.resolve("origin.json")));
    return new Kept(
        experiment,
        Path.of(origin),
        ofEpochs(folder.resolve("certificates")),
        ofEpochs(folder.resolve("lineage")),
        read(folder).kind(),
        tree(folder.resolve("files.json")),
        tree(folder.resolve("history.json")));
  }

  /** The files of a folder that are named as an epoch, by dataset and epoch. */
  private static List<Path> ofEpochs(Path all) throws IOException {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(all)) {
      try (DirectoryStream<Path> found = Files.newDirectoryStream(all, "[!.]*.json")) {
        found.forEach(files::add);
      }
    }
    files.sort(Comparator.comparing(RecordedRun::dataset).thenComparingLong(RecordedRun::epoch));
    return files;
  }

  private static Map<?, ?> tree(Path file) throws IOException {
    try {
      return Files.exists(file) ? object(Json.parse(Files.readString(file))) : Map.of();
    } catch (IllegalArgumentException e) {
      throw new IOException(file + " is not JSON: " + e.getMessage(), e);
    }
  }

  private static String folder(String origin) throws IOException {
    try {
      if (object(Json.parse(origin)).get("folder") instanceof String folder) {
        return folder;
      }
    } catch (IllegalArgumentException _) {
      // Told below.
    }
    throw new IOException("origin.json names no folder");
  }

  /** The dataset that the name of an epoch begins with. */
  private static String dataset(Path epoch) {
    return name(epoch).replaceFirst("-\\d+$", "");
  }

  private static long epoch(Path epoch) {
    Matcher number = EPOCH.matcher(name(epoch));
    return number.find() ? Long.parseLong(number.group(1)) : 0;
  }

  private static String name(Path epoch) {
    return epoch.getFileName().toString().replaceFirst("\\.json$", "");
  }

  private static RecordedRun read(Path folder) throws IOException {
    String id = String.valueOf(folder.getFileName());
    Path summary = folder.resolve("summary.json");
    try {
      return Files.exists(summary) ? ended(id, Files.readString(summary)) : unfinished(id, folder);
    } catch (IllegalArgumentException | DateTimeParseException _) {
      return unfinished(id, folder);
    }
  }

  private static RecordedRun unfinished(String id, Path folder) throws IOException {
    FileTime written = Files.getLastModifiedTime(folder.resolve("experiment.json"));
    return new RecordedRun(id, written.toInstant(), null, null, null);
  }

  private static RecordedRun ended(String id, String summary) {
    Map<?, ?> tree = object(Json.parse(summary));
    return new RecordedRun(
        id,
        Instant.parse(String.valueOf(tree.get("started"))),
        tree.get("seconds") instanceof Number seconds ? seconds.doubleValue() : null,
        String.valueOf(object(tree.get("exit")).get("kind")),
        delivered(object(tree.get("datasets"))));
  }

  private static long delivered(Map<?, ?> datasets) {
    long rows = 0;
    for (Object dataset : datasets.values()) {
      if (object(dataset).get("epochs") instanceof List<?> epochs) {
        for (Object epoch : epochs) {
          rows += object(epoch).get("rows_delivered") instanceof Number n ? n.longValue() : 0;
        }
      }
    }
    return rows;
  }

  private static Map<?, ?> object(@Nullable Object tree) {
    return tree instanceof Map<?, ?> map ? map : Map.of();
  }
}
