package io.lastmile.write;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.ColumnPlan;
import io.lastmile.query.Expressions;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import io.lastmile.worker.RowKeeper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the rows of each split in a table of the engine until its turn has come. Neighbouring
 * splits that have enough rows for a row group are a run, which the worker of its last split
 * encodes while others go on.
 */
final class KeptRows implements RowKeeper {
  /** What a row group has at most, unless its rows are wide. */
  private static final int ROW_GROUP_ROWS = 122_880;

  /** What the rows of a row group take in the engine at most, roughly. */
  private static final long ROW_GROUP_BYTES = 128L << 20;

  /** Rows of a row group are a multiple of this, the engine's vector. */
  private static final int VECTOR = 2048;

  /** A statement over more tables takes too long to prepare. */
  private static final int MOST_SPLITS = 100;

  private static final Pattern REASON =
      Pattern.compile("\"exception_message\":\"((?:[^\"\\\\]|\\\\.)*)\"");

  private final ColumnPlan columns;
  private final String options;
  private final TargetFolder folder;
  private final PartFiles parts;
  private final int rowGroupRows;

  /** Splits in their order that are not enough for a run. Owned by whoever has the turn. */
  private List<Kept> begun = new ArrayList<>();

  /** Owned by whoever has the turn. */
  private long begunRows;

  /** Owned by whoever has the turn. */
  private int runs;

  /** Runs that are to be encoded, by the ordinal of their last split; guarded by itself. */
  private final Map<Integer, Run> complete = new HashMap<>();

  /** Ordinals of the splits whose rows wait to be encoded. Any thread. */
  private final Set<Integer> held = ConcurrentHashMap.newKeySet();

  /** The rows of a split in their table. */
  private static final class Kept {
    private final int ordinal;

    /** Row i of the sequence is row {@code order[i]} of the table; null: as they are. */
    private final int @Nullable [] order;

    /** The first of the sequence: the others are beyond the limit. */
    private final long rows;

    Kept(int ordinal, int @Nullable [] order, long rows) {
      this.ordinal = ordinal;
      this.order = order;
      this.rows = rows;
    }

    String table() {
      return KeptRows.table(ordinal);
    }

    /** The place in the sequence of each row of the table. */
    int[] places() {
      if (order == null) {
        return new int[0];
      }
      int[] places = new int[order.length];
      for (int i = 0; i < places.length; i++) {
        places[order[i]] = i;
      }
      return places;
    }

    /** SQL of the rows in the order of the sequence. */
    String sql(String columns, int table) {
      String sql = "SELECT " + columns + " FROM " + table();
      if (order == null) {
        return "(" + sql + " WHERE rowid < " + rows + ")";
      }
      String place = "lastmile_place(" + table + ", rowid)";
      String limited = rows == order.length ? "" : " WHERE " + place + " < " + rows;
      return "(" + sql + limited + " ORDER BY " + place + ")";
    }
  }

  /** Neighbouring splits that are encoded together. */
  private record Run(int number, List<Kept> splits, long rows) {}

  /**
   * Rows for a folder.
   *
   * @param metadata of each file, as the engine's option says it; empty: none
   */
  KeptRows(ColumnPlan columns, String metadata, TargetFolder folder, PartFiles parts) {
    this.columns = columns;
    this.folder = folder;
    this.parts = parts;
    this.options = "FORMAT parquet, COMPRESSION zstd" + metadata;
    long fit = (long) (ROW_GROUP_BYTES / Math.max(1, columns.rowBytes()));
    this.rowGroupRows = Math.clamp(fit / VECTOR * VECTOR, VECTOR, ROW_GROUP_ROWS);
  }

  @Override
  public ColumnPlan columns() {
    return columns;
  }

  private static String table(int ordinal) {
    return "lastmile_split_" + ordinal;
  }

  @Override
  public String sql(Session session, Split split) {
    session.execute(
        "CREATE OR REPLACE TABLE " + table(split.ordinal()) + " AS " + columns.sql(split));
    return columns.identities(table(split.ordinal()));
  }

  @Override
  public void append(Split split, int @Nullable [] order, long rows) {
    if (rows > 0) {
      held.add(split.ordinal());
      begun.add(new Kept(split.ordinal(), order, rows));
      begunRows += rows;
    }
    if (begunRows >= rowGroupRows || begun.size() >= MOST_SPLITS) {
      Run run = endRun();
      synchronized (complete) {
        complete.put(split.ordinal(), run);
      }
    }
  }

  private Run endRun() {
    Run run = new Run(runs++, begun, begunRows);
    begun = new ArrayList<>();
    begunRows = 0;
    return run;
  }

  @Override
  public void settle(Session session, Split split) throws InterruptedException {
    Run run;
    synchronized (complete) {
      run = complete.remove(split.ordinal());
    }
    if (!held.contains(split.ordinal())) {
      session.execute("DROP TABLE IF EXISTS " + table(split.ordinal()));
    }
    if (run != null) {
      encode(session, run);
    }
  }

  /** Encodes what is left, when all workers have ended; says whether there was any row. */
  boolean finish(Session session) throws InterruptedException {
    if (begunRows > 0) {
      encode(session, endRun());
    }
    return runs > 0;
  }

  private void encode(Session session, Run run) throws InterruptedException {
    Path path = folder.file("run-" + run.number() + ".parquet");
    int[][] places = new int[run.splits().size()][];
    List<String> rows = new ArrayList<>();
    for (Kept split : run.splits()) {
      int table = rows.size();
      places[table] = split.places();
      rows.add(split.sql(columns.named(), table));
    }
    copy(session, String.join("\nUNION ALL\n", rows), path, rowGroupRows(run.rows()), places);
    run.splits().forEach(split -> held.remove(split.ordinal));
    session.execute(
        run.splits().stream()
            .map(split -> "DROP TABLE " + split.table())
            .collect(Collectors.joining("; ")));
    try {
      parts.add(run.number(), path);
    } catch (IOException e) {
      throw TargetFolder.unwritable(folder.target(), e);
    }
  }

  /** Row groups of a run are about equally large. */
  private long rowGroupRows(long rows) {
    long count = Math.max(1, Math.round((double) rows / rowGroupRows));
    return Math.ceilDiv(Math.ceilDiv(rows, count), VECTOR) * VECTOR;
  }

  /** Writes rows to a Parquet file. */
  void copy(Session session, String rows, Path path, long rowGroup, int[][] places)
      throws InterruptedException {
    try {
      session.execute(
          "COPY (%s) TO %s (%s, ROW_GROUP_SIZE %d)"
              .formatted(rows, Expressions.literal(path.toString()), options, rowGroup),
          places);
    } catch (QueryException e) {
      switch (e.kind()) {
        case INTERRUPTED -> throw new InterruptedException();
        case OUT_OF_MEMORY ->
            throw LastmileException.of(
                FailureKind.RESOURCES,
                "The budget is too small to write rows of dataset \"%s\": %s (raise cluster.workers.memory or lower shuffle.row_groups)"
                    .formatted(columns.rows().name(), e.summary()),
                e);
        default ->
            throw LastmileException.of(
                FailureKind.RESOURCES,
                "Cannot write %s: %s".formatted(folder.target(), reason(e)),
                e);
      }
    }
  }

  /** What the engine's own text holds in JSON. */
  private static String reason(QueryException e) {
    Matcher reason = REASON.matcher(e.summary());
    return reason.find() ? reason.group(1).replaceAll("\\\\(.)", "$1") : e.summary();
  }
}
