package io.lastmile.diff;

import io.lastmile.error.LastmileException;
import io.lastmile.plan.RowQuery;
import io.lastmile.plan.Tally;
import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import io.lastmile.split.Split;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Compares the rows of two datasets: both come in the order of their identity, batch by batch of
 * neighbouring row groups, several batches at a time.
 *
 * @param a the first
 * @param b the second
 */
record Comparison(Input a, Input b) {
  /**
   * One of the datasets.
   *
   * @param side how its user names it
   * @param query of its rows
   * @param engine that runs it
   * @param limit where it ends; null: nowhere
   */
  record Input(String side, RowQuery query, Engine engine, @Nullable LimitEnd limit) {}

  /** What was found. */
  static final class Result {
    private final Side a;
    private final Side b;
    private final long[] changed;

    Result(Side a, Side b, long[] changed) {
      this.a = a;
      this.b = b;
      this.changed = changed;
    }

    Side a() {
      return a;
    }

    Side b() {
      return b;
    }

    /** Rows in both with another value, by compared column. */
    long[] changed() {
      return changed;
    }
  }

  /** What is counted; each batch counts on its own. */
  private static final class Counts {
    private final ComparedRows.Count bothA;
    private final ComparedRows.Count bothB;
    private final ComparedRows.Count onlyA;
    private final ComparedRows.Count onlyB;
    private final long[] changed;
    private @Nullable Tally tallyA;
    private @Nullable Tally tallyB;

    Counts(RowQuery a, RowQuery b) {
      bothA = new ComparedRows.Count(a);
      onlyA = new ComparedRows.Count(a);
      bothB = new ComparedRows.Count(b);
      onlyB = new ComparedRows.Count(b);
      changed = new long[a.columns().size()];
    }
  }

  Result run(SharedGroups groups, int threads) {
    List<List<SharedGroups.Shared>> batches = groups.batches();
    if (batches.isEmpty()) {
      batches = List.of(List.of());
    }
    List<Counts> all = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<Counts>> futures = new ArrayList<>();
      for (List<SharedGroups.Shared> batch : batches) {
        futures.add(pool.submit(() -> counts(batch)));
      }
      for (Future<Counts> future : futures) {
        all.add(future.get());
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException known ? known : new IllegalStateException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException("Nobody interrupts this thread", e);
    }
    long[] changed = new long[a.query().columns().size()];
    for (Counts batch : all) {
      for (int i = 0; i < changed.length; i++) {
        changed[i] += batch.changed[i];
      }
    }
    return new Result(
        Side.of(
            a.query(),
            tally(all, batch -> batch.tallyA),
            set(all, batch -> batch.bothA),
            set(all, batch -> batch.onlyA)),
        Side.of(
            b.query(),
            tally(all, batch -> batch.tallyB),
            set(all, batch -> batch.bothB),
            set(all, batch -> batch.onlyB)),
        changed);
  }

  private static RowSet set(List<Counts> batches, Function<Counts, ComparedRows.Count> of) {
    return batches.stream().map(of).map(ComparedRows.Count::set).reduce(RowSet::plus).orElseThrow();
  }

  private static Tally tally(List<Counts> batches, Function<Counts, @Nullable Tally> of) {
    Tally sum = null;
    for (Counts batch : batches) {
      Tally more = of.apply(batch);
      if (more != null) {
        sum = sum == null ? more : plus(sum, more);
      }
    }
    if (sum == null) {
      throw new IllegalStateException("no batch");
    }
    return sum;
  }

  private static Tally plus(Tally one, Tally more) {
    return new Tally(
        one.read() + more.read(),
        sums(one.added(), more.added()),
        sums(one.dropped(), more.dropped()),
        one.kept() + more.kept());
  }

  private static List<Long> sums(List<Long> one, List<Long> more) {
    List<Long> sums = new ArrayList<>();
    for (int i = 0; i < one.size(); i++) {
      sums.add(one.get(i) + more.get(i));
    }
    return sums;
  }

  private Counts counts(List<SharedGroups.Shared> batch) {
    Counts counts = new Counts(a.query(), b.query());
    try (Session sessionA = a.engine().connect();
        Session sessionB = b.engine().connect();
        ComparedRows rowsA = rows(a, sessionA, batch, SharedGroups.Shared::a)) {
      try (ComparedRows rowsB = rows(b, sessionB, batch, SharedGroups.Shared::b)) {
        merge(rowsA, rowsB, counts);
        counts.tallyA = rowsA.tally();
        counts.tallyB = rowsB.tally();
      } catch (LastmileException failure) {
        // The engine decides which of two sides that fail is the first to do so: it is told of A.
        rowsA.drain();
        throw failure;
      }
    }
    return counts;
  }

  private static ComparedRows rows(
      Input of,
      Session session,
      List<SharedGroups.Shared> batch,
      Function<SharedGroups.Shared, Split.@Nullable Part> side) {
    Map<Path, Integer> files = new HashMap<>();
    Map<Integer, Integer> places = new HashMap<>();
    List<Split.Part> parts = new ArrayList<>();
    for (SharedGroups.Shared group : batch) {
      int place = files.computeIfAbsent(group.path(), any -> files.size());
      Split.Part part = side.apply(group);
      if (part != null) {
        places.put(part.fileOrdinal(), place);
        parts.add(part);
      }
    }
    return new ComparedRows(of, session, places, parts);
  }

  private static void merge(ComparedRows rowsA, ComparedRows rowsB, Counts counts) {
    boolean hasA = rowsA.next();
    boolean hasB = rowsB.next();
    while (hasA || hasB) {
      int order = !hasA ? 1 : !hasB ? -1 : rowsA.compareTo(rowsB);
      if (order < 0) {
        rowsA.count(counts.onlyA);
      } else if (order > 0) {
        rowsB.count(counts.onlyB);
      } else {
        rowsA.count(counts.bothA);
        rowsB.count(counts.bothB);
        for (int i = 0; i < counts.changed.length; i++) {
          counts.changed[i] += rowsA.hash(i) == rowsB.hash(i) ? 0 : 1;
        }
      }
      hasA = order <= 0 ? rowsA.next() : hasA;
      hasB = order >= 0 ? rowsB.next() : hasB;
    }
  }
}
