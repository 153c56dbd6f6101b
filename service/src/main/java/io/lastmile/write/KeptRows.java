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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the rows of each split in a table of the engine until they are in the sequence. So many
 * rows of the sequence as make a row group are a run, which a worker encodes while others go on.
 */
final class KeptRows {
  /** What a row group has at most, unless its rows are wide. */
  private static final int ROW_GROUP_ROWS = 122_880;

  /** What the rows of a row group take in the engine at most, roughly. */
  private static final long ROW_GROUP_BYTES = 128L << 20;

  /**
   * Of the memory of a worker that part is for the rows of a row group: their tables, their order
   * and their pages take several times as much.
   */
  private static final int MEMORY_SHARE = 16;

  /** Rows of a row group are a multiple of this, the engine's vector. */
  private static final int VECTOR = 2048;

  /** A statement over more tables takes too long to prepare. */
  private static final int MOST_SPLITS = 100;

  /** Runs that may wait to be encoded before whoever takes rows must help. */
  private static final int MOST_RUNS = 1;

  private static final Pattern REASON =
      Pattern.compile("\"exception_message\":\"((?:[^\"\\\\]|\\\\.)*)\"");

  private final List<RowKeeper> keepers = new ArrayList<>();
  private final String name;
  private final String options;
  private final TargetFolder folder;
  private final PartFiles parts;
  private final int rowGroupRows;

  /** Tables of splits whose rows have all been read; guarded by this, like all below. */
  private final Map<String, SplitTable> tables = new HashMap<>();

  /** Runs to be encoded. */
  private final Queue<Run> complete = new ArrayDeque<>();

  /** Tables to be dropped. */
  private final Queue<String> unused = new ArrayDeque<>();

  private Run filling = new Run(0);

  /**
   * Rows for a folder.
   *
   * @param name of the dataset
   * @param columns of each of its tables
   * @param metadata of each file, as the engine's option says it; empty: none
   * @param memory bytes of each worker
   */
  KeptRows(
      String name,
      List<ColumnPlan> columns,
      String metadata,
      long memory,
      TargetFolder folder,
      PartFiles parts) {
    this.name = name;
    this.folder = folder;
    this.parts = parts;
    this.options = "FORMAT parquet, COMPRESSION zstd" + metadata;
    double widest = columns.stream().mapToDouble(ColumnPlan::rowBytes).max().orElseThrow();
    long fit = (long) (Math.min(ROW_GROUP_BYTES, memory / MEMORY_SHARE) / Math.max(1, widest));
    this.rowGroupRows = Math.clamp(fit / VECTOR * VECTOR, VECTOR, ROW_GROUP_ROWS);
    columns.forEach(table -> keepers.add(new Keeper(keepers.size(), table)));
  }

  /** Of each table of the dataset. */
  List<RowKeeper> keepers() {
    return List.copyOf(keepers);
  }

  /** One table of the dataset. */
  private final class Keeper implements RowKeeper {
    private final int number;
    private final ColumnPlan columns;

    /** The split whose rows were taken last, and its table: rows are taken one by one. */
    private @Nullable Split last;

    private String lastTable = "";

    Keeper(int number, ColumnPlan columns) {
      this.number = number;
      this.columns = columns;
    }

    @Override
    public ColumnPlan columns() {
      return columns;
    }

    private String table(Split split) {
      return "lastmile_split_%d_%d_%d".formatted(number, split.epoch(), split.ordinal());
    }

    @Override
    public String sql(Session session, Split split) {
      String table = table(split);
      session.execute("CREATE OR REPLACE TABLE " + table + " AS " + columns.sql(split));
      return columns.identities(table);
    }

    @Override
    public void complete(Split split, int @Nullable [] order, int rows) {
      synchronized (KeptRows.this) {
        tables.put(table(split), new SplitTable(table(split), columns, order, rows));
      }
    }

    @Override
    public boolean take(Split split, long first, long rows) {
      if (!split.equals(last)) {
        last = split;
        lastTable = table(split);
      }
      return KeptRows.this.take(lastTable, Math.toIntExact(first), Math.toIntExact(rows));
    }

    @Override
    public void release(Split split) {
      KeptRows.this.release(table(split));
    }

    @Override
    public void settle(Session session) throws InterruptedException {
      KeptRows.this.settle(session);
    }
  }

  private synchronized boolean take(String table, int first, int rows) {
    if (rows > 0) {
      filling.add(Objects.requireNonNull(tables.get(table)), first, rows);
    }
    if (filling.rows() >= rowGroupRows || filling.tables() >= MOST_SPLITS) {
      endRun();
    }
    return complete.size() > MOST_RUNS;
  }

  private void endRun() {
    complete.add(filling);
    filling = new Run(filling.number() + 1);
  }

  private synchronized void release(String name) {
    SplitTable table = tables.remove(name);
    if (table == null || table.release()) {
      unused.add(name);
    }
  }

  private void settle(Session session) throws InterruptedException {
    for (Run run = next(); run != null; run = next()) {
      encode(session, run);
    }
    for (String table = nextUnused(); table != null; table = nextUnused()) {
      session.execute("DROP TABLE IF EXISTS " + table);
    }
  }

  private synchronized @Nullable Run next() {
    return complete.poll();
  }

  private synchronized @Nullable String nextUnused() {
    return unused.poll();
  }

  /**
   * Encodes what is left, when all workers have ended.
   *
   * @param empty where rows would lie if there were any
   */
  void finish(Session session, Path empty) throws InterruptedException {
    if (filling.rows() > 0) {
      endRun();
    }
    settle(session);
    if (filling.number() == 0) {
      copy(session, FileTypes.nothing(keepers.getFirst().columns()), empty, 1, new int[0][]);
      add(0, empty);
    }
  }

  private void encode(Session session, Run run) throws InterruptedException {
    Path path = folder.file("run-" + run.number() + ".parquet");
    copy(session, run.sql(), path, rowGroupRows(run.rows()), run.places());
    synchronized (this) {
      unused.addAll(run.end());
    }
    add(run.number(), path);
  }

  private void add(int run, Path path) {
    try {
      parts.add(run, path);
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
  private void copy(Session session, String rows, Path path, long rowGroup, int[][] places)
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
                    .formatted(name, e.summary()),
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
