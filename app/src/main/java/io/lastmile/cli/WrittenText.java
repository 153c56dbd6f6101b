package io.lastmile.cli;

import io.lastmile.write.WriteProgress;
import io.lastmile.write.Written;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The summary of a writing as the user reads it.
 *
 * @param written what was written
 * @param seconds that it took
 */
record WrittenText(Written written, double seconds) {
  private static final double NANOS = 1e9;

  /** {@code train: 9,000 rows written, 50.0 % of the source read, 3,000 rows/s, 12 s left}. */
  static String progress(String dataset, WriteProgress now, long nanos) {
    StringBuilder line = new StringBuilder(dataset);
    line.append(": ").append(Quantity.counted(now.rowsWritten(), "row")).append(" written");
    if (now.rowsOfEpoch() > 0) {
      double share = (double) now.rowsRead() / now.rowsOfEpoch();
      line.append(", ").append(Quantity.percent(share)).append(" of the source read");
    }
    double rate = now.rowsRead() / (nanos / NANOS);
    if (rate > 0) {
      long left = Math.round(Math.ceil((now.rowsOfEpoch() - now.rowsRead()) / rate));
      line.append(", ").append(Quantity.count(Math.round(rate))).append(" rows/s");
      line.append(", ").append(Quantity.duration(left)).append(" left");
    }
    return line.toString();
  }

  String text() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: %s written to %s after %s, %s rows/s"
            .formatted(
                written.plan().name(),
                Quantity.counted(written.rows(), "row"),
                written.folder(),
                Quantity.seconds(seconds),
                Quantity.count(Math.round(written.end().counts().read() / seconds))));
    int files = written.files().size();
    lines.add(
        "  epoch %d: rows read %s%s%s, written %s"
            .formatted(
                written.end().epoch(),
                Quantity.count(written.end().counts().read()),
                steps("added", written.added()),
                steps("dropped", written.dropped()),
                Quantity.count(written.rows())));
    lines.add("  %s, %s".formatted(Quantity.counted(files, "file"), bytes(written.bytes())));
    if (!written.leftOut().isEmpty()) {
      lines.add("  not in all datasets, and left out: " + leftOut(written.leftOut()));
    }
    written.skipped().forEach(place -> lines.add("  skipped " + place));
    return String.join("\n", lines);
  }

  private static String leftOut(Map<String, List<String>> columns) {
    return columns.entrySet().stream()
        .map(names -> String.join(", ", names.getValue()) + " of " + names.getKey())
        .collect(Collectors.joining("; "));
  }

  private static String bytes(long bytes) {
    return bytes < 1 << 20 ? Quantity.count((bytes + 1023) >> 10) + " KiB" : Quantity.bytes(bytes);
  }

  private static String steps(String what, List<Written.StepRows> steps) {
    return steps.stream()
        .map(rows ->
            ", %s by %s %s".formatted(what, rows.step().words(), Quantity.count(rows.rows())))
        .collect(Collectors.joining());
  }
}
