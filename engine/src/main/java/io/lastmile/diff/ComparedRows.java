package io.lastmile.diff;

import io.lastmile.diagnosis.Diagnosis;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.RowQuery;
import io.lastmile.plan.SplitQuery;
import io.lastmile.plan.Tally;
import io.lastmile.query.QueryException;
import io.lastmile.query.Rows;
import io.lastmile.query.Session;
import io.lastmile.query.Vectors;
import io.lastmile.split.Split;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one side in the order of their identity, one at a time, of neighbouring row groups.
 * One thread.
 */
final class ComparedRows implements AutoCloseable {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  private static final long NUMBER_MASK = (1L << SplitQuery.NUMBER_BITS) - 1;

  private final String side;
  private final RowQuery query;
  private final Session session;
  private final @Nullable LimitEnd limit;
  private final List<Split.Part> parts;

  /** The place of each file of the table among all files of these row groups. */
  private final Map<Integer, Integer> files = new HashMap<>();

  private final long[] counters;
  private final @Nullable Rows rows;
  private @Nullable Vectors vectors;
  private int row = -1;
  private int part;
  private long kept;
  private long overLimit;
  private boolean hasFailed;

  /**
   * Rows of some row groups.
   *
   * @param of which dataset
   * @param places of the files of these row groups, by ordinal of the file in the table
   * @param parts in the order of these places; may be empty
   */
  ComparedRows(
      Comparison.Input of, Session session, Map<Integer, Integer> places, List<Split.Part> parts) {
    this.side = of.side();
    this.query = of.query();
    this.session = session;
    this.limit = of.limit();
    this.parts = parts;
    this.files.putAll(places);
    this.counters = new long[query.query().counters()];
    session.counting(counters);
    try {
      this.rows = parts.isEmpty() ? null : session.query(sql(new Split(0, 0, parts)));
    } catch (QueryException e) {
      throw failed(e);
    }
  }

  private String sql(Split split) {
    return query.query().sql(split);
  }

  /** The failure of the query, with its place. */
  private LastmileException failed(QueryException failure) {
    hasFailed = true;
    Diagnosis diagnosis =
        new Diagnosis(query.plan(), session, query.query(), split -> List.of(sql(split)));
    try {
      Split _ =
          diagnosis.readable(
              new Split(0, 0, parts),
              failure,
              (file, rowGroup, why) -> {
                throw LastmileException.of(
                    FailureKind.DATA,
                    "Cannot read %s, row group %d: %s (a comparison leaves none out)"
                        .formatted(file, rowGroup, why),
                    failure);
              });
      throw new IllegalStateException("a query that failed has no failure", failure);
    } catch (LastmileException known) {
      return LastmileException.of(known.kind(), side + ": " + known.text(), failure);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return LastmileException.of(FailureKind.CANCELLED, "Interrupted", e);
    }
  }

  static long longAt(long address, int row) {
    return ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, address + 8L * row);
  }

  /** Goes to the next row before the limit; false: there is none. */
  boolean next() {
    while (step()) {
      if (limit == null || limit.keeps(rowGroup(), identity(), copy())) {
        return true;
      }
      overLimit++;
    }
    return false;
  }

  /** Reads what is left, for its failure; nothing is, where it has failed. */
  void drain() {
    while (!hasFailed && step()) {
      // Only its failure counts.
    }
  }

  private boolean step() {
    if (rows == null) {
      return false;
    }
    row++;
    if (vectors == null || row == vectors.rows()) {
      vectors = fetched(rows);
      row = 0;
    }
    if (vectors == null) {
      return false;
    }
    kept++;
    return true;
  }

  private @Nullable Vectors fetched(Rows from) {
    try {
      return from.next();
    } catch (QueryException e) {
      from.close();
      throw failed(e);
    }
  }

  private long data(int column) {
    if (vectors == null) {
      throw new IllegalStateException("no row");
    }
    return vectors.data(column);
  }

  private long identity() {
    return longAt(data(query.query().identity()), row);
  }

  private long copy() {
    return query.query().copies().isEmpty() ? 0 : longAt(data(query.query().copyNumber()), row);
  }

  /** The row group of the row: they come in order. */
  private int rowGroup() {
    int file = (int) (identity() >>> SplitQuery.NUMBER_BITS);
    long number = identity() & NUMBER_MASK;
    while (!holds(parts.get(part), file, number)) {
      part++;
    }
    return parts.get(part).rowGroup().ordinal();
  }

  private static boolean holds(Split.Part part, int file, long number) {
    long first = part.rowGroup().firstRow();
    return part.fileOrdinal() == file && number >= first && number < first + part.rowGroup().rows();
  }

  /** Whether this row stands before, at or behind the other's. */
  int compareTo(ComparedRows other) {
    int file = Integer.compare(file(), other.file());
    if (file != 0) {
      return file;
    }
    int number = Long.compare(identity() & NUMBER_MASK, other.identity() & NUMBER_MASK);
    return number != 0 ? number : Long.compare(copy(), other.copy());
  }

  private int file() {
    Integer place = files.get((int) (identity() >>> SplitQuery.NUMBER_BITS));
    if (place == null) {
      throw new IllegalStateException("a row of a file that was not asked for");
    }
    return place;
  }

  /** Adds the row to what is counted. */
  void count(Count into) {
    into.rows++;
    into.labelled += flag(0);
    into.positive += flag(1);
    for (int i = 0; i < into.weights.length; i++) {
      into.weights[i] +=
          ALL.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, data(RowQuery.LABELS + i) + 8L * row);
    }
  }

  private int flag(int column) {
    return ALL.get(ValueLayout.JAVA_BYTE, data(column) + row) == 0 ? 0 : 1;
  }

  /** The hash of a compared column. */
  long hash(int column) {
    return longAt(data(RowQuery.LABELS + query.weights().size() + column), row);
  }

  /** What became of the rows, when all were asked for. */
  Tally tally() {
    Tally of = query.query().tally(counters, kept);
    if (rows != null && of.read() != parts.stream().mapToLong(p -> p.rowGroup().rows()).sum()) {
      throw LastmileException.of(
          FailureKind.DATA,
          "The engine read %d rows of dataset \"%s\" where the footers have others (a table must stay as it is while it is read)"
              .formatted(of.read(), query.plan().name()));
    }
    List<Long> dropped = new ArrayList<>(of.dropped());
    if (query.plan().limit() != null) {
      dropped.add(overLimit);
    }
    return new Tally(of.read(), of.added(), dropped, of.kept() - overLimit);
  }

  /** Counts of rows while they grow. */
  static final class Count {
    private final RowQuery query;
    private final double[] weights;
    private long rows;
    private long labelled;
    private long positive;

    Count(RowQuery query) {
      this.query = query;
      this.weights = new double[query.weights().size()];
    }

    RowSet set() {
      Map<String, Double> sums = new LinkedHashMap<>();
      for (int i = 0; i < weights.length; i++) {
        sums.put(query.weights().get(i), weights[i]);
      }
      boolean labels = query.label() != null;
      return new RowSet(rows, labels ? labelled : null, labels ? positive : null, sums);
    }
  }

  @Override
  public void close() {
    if (rows != null) {
      rows.close();
    }
    session.counting(null);
  }
}
