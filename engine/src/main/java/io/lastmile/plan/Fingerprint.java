package io.lastmile.plan;

import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Mix;
import io.lastmile.query.Engine;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.Sha256;
import io.lastmile.source.TableFile;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A name for everything that decides a row sequence: files, steps, order, seed and the engine's
 * version; not the batch, the ranks or the workers.
 */
final class Fingerprint {
  private Fingerprint() {}

  static String of(long seed, Dataset dataset, ParquetTable table, List<ParquetTable> smallTables) {
    StringBuilder text = new StringBuilder("lastmile 1\nengine ").append(Engine.version());
    text.append("\nseed ")
        .append(seed)
        .append("\nshuffle ")
        .append(dataset.shuffle())
        .append("\nsteps ")
        .append(dataset.steps())
        .append('\n');
    files(text, table);
    smallTables.forEach(small -> files(text, small));
    return Sha256.of(text);
  }

  /** A name for everything that decides the sequence of a mix. */
  static String of(long seed, Mix mix, List<DatasetPlan> members, @Nullable Limit limit) {
    StringBuilder text = new StringBuilder("lastmile 1 mix\nseed ").append(seed);
    text.append("\nlimit ")
        .append(limit == null ? "none" : limit.rows())
        .append('\n')
        .append(mix)
        .append('\n');
    members.forEach(member -> text.append(member.fingerprint()).append('\n'));
    return Sha256.of(text);
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
