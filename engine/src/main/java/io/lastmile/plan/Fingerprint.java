package io.lastmile.plan;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Mix;
import io.lastmile.query.Engine;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.Sha256;
import io.lastmile.source.TableFile;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A name for everything that decides a row sequence; not the batch, the ranks or the workers. It is
 * one of 8 hexadecimal digits for each of its {@link #PARTS}, so that two tell what differs.
 */
public final class Fingerprint {
  /** What decides a row sequence, in the order of their names. */
  private static final List<String> PARTS = List.of("engine", "seed", "order", "steps", "files");

  private static final List<String> WORDS =
      List.of("another engine", "another seed", "another order", "other steps", "other files");

  private static final int PART = 8;
  private static final String BETWEEN = "-";

  private Fingerprint() {}

  static String of(long seed, Dataset dataset, ParquetTable table, List<ParquetTable> smallTables) {
    StringBuilder files = new StringBuilder();
    files(files, table);
    smallTables.forEach(small -> files(files, small));
    return of(
        Engine.version(),
        Long.toString(seed),
        dataset.shuffle().toString(),
        dataset.steps().toString(),
        files);
  }

  /** A name for everything that decides the sequence of a mix. */
  static String of(long seed, Mix mix, List<DatasetPlan> members, @Nullable Limit limit) {
    StringBuilder[] parts = new StringBuilder[PARTS.size()];
    for (int i = 0; i < parts.length; i++) {
      parts[i] = new StringBuilder("mix\n");
      for (DatasetPlan member : members) {
        parts[i].append(member.fingerprint().split(BETWEEN)[i]).append('\n');
      }
    }
    parts[PARTS.indexOf("seed")].append(seed);
    parts[PARTS.indexOf("steps")].append(mix).append(limit == null ? "" : limit.rows());
    return of(parts);
  }

  private static String of(CharSequence... parts) {
    return Arrays.stream(parts)
        .map(part -> Sha256.of(part).substring(0, PART))
        .collect(Collectors.joining(BETWEEN));
  }

  /** What makes two fingerprints differ, in words such as {@code other steps, other files}. */
  public static String difference(String one, String other) {
    String[] ofOne = one.split(BETWEEN);
    String[] ofOther = other.split(BETWEEN);
    if (ofOne.length != ofOther.length || ofOne.length != PARTS.size()) {
      return "of another version of Lastmile";
    }
    return IntStream.range(0, ofOne.length)
        .filter(i -> !ofOne[i].equals(ofOther[i]))
        .mapToObj(WORDS::get)
        .collect(Collectors.joining(", "));
  }

  private static void files(StringBuilder text, ParquetTable table) {
    for (TableFile file : table.files()) {
      text.append(file.relative())
          .append(' ')
          .append(file.bytes())
          .append(' ')
          .append(file.hash())
          .append(' ')
          .append(rowGroups(file))
          .append(' ')
          .append(file.columns().partitions())
          .append('\n');
    }
    text.append("rows ").append(table.rows()).append('\n');
  }

  /** The ordinals of those that are read, such as 0-3,7. */
  private static String rowGroups(TableFile file) {
    StringBuilder ranges = new StringBuilder();
    List<RowGroup> groups = file.rowGroups();
    int from = 0;
    for (int i = 1; i <= groups.size(); i++) {
      if (i == groups.size() || groups.get(i).ordinal() != groups.get(i - 1).ordinal() + 1) {
        ranges.append(ranges.isEmpty() ? "" : ",").append(groups.get(from).ordinal());
        ranges.append(i - 1 == from ? "" : "-" + groups.get(i - 1).ordinal());
        from = i;
      }
    }
    return ranges.toString();
  }
}
