package io.lastmile.feed;

import io.lastmile.dataset.Dataset;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.SplitCounts;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the ranks of a dataset's feeds began, how far they got from there, and how many rows the
 * splits gave: with it every step is found again. Any thread.
 */
public final class Lineage {
  private final String dataset;

  /** In the order of time; guarded by this. */
  private final List<Beginning> beginnings = new ArrayList<>();

  /** Of a dataset whose feed has not been opened yet. */
  public Lineage(String dataset) {
    this.dataset = dataset;
  }

  /** The dataset of the feeds. */
  public String dataset() {
    return dataset;
  }

  /** Ranks begin somewhere. */
  public synchronized void add(Beginning beginning) {
    beginnings.add(beginning);
  }

  /** All beginnings of all epochs, the first one first. */
  public synchronized List<Beginning> beginnings() {
    return List.copyOf(beginnings);
  }

  /** A position at which ranks began to take the rows of an epoch. */
  public static final class Beginning {
    private final Position start;
    private final @Nullable Integer rank;
    private final int ranks;
    private final int batch;
    private final List<SplitCounts> counts;

    /** The row behind the last that a rank took; grows. Guarded by this. */
    private long taken;

    /**
     * Nothing taken yet.
     *
     * @param start position
     * @param rank the only one, which has the feed to itself; null: all share it
     * @param ranks that share each step
     * @param batch rows of each
     * @param counts of the splits of each table; none in the order of arrival
     */
    public Beginning(
        Position start, @Nullable Integer rank, int ranks, int batch, List<SplitCounts> counts) {
      this.start = start;
      this.rank = rank;
      this.ranks = ranks;
      this.batch = batch;
      this.counts = List.copyOf(counts);
      this.taken = start.rows();
    }

    public Position start() {
      return start;
    }

    /** The only rank, which has the feed to itself; null: all share it. */
    public @Nullable Integer rank() {
      return rank;
    }

    /** Ranks that share each step. */
    public int ranks() {
      return ranks;
    }

    /** Rows of a whole batch. */
    public int batch() {
      return batch;
    }

    /** How many rows the splits gave, for each table of the plan; none in the order of arrival. */
    public List<SplitCounts> counts() {
      return counts;
    }

    /** Whether the order of the splits is that of the plan; in another nothing is found again. */
    public Dataset.Order order() {
      return counts.isEmpty() ? Dataset.Order.ARRIVAL : Dataset.Order.DETERMINISTIC;
    }

    /** A rank has taken the rows of the epoch before this one. */
    public synchronized void took(long rows) {
      taken = Math.max(taken, rows);
    }

    /** The row of the epoch behind the last that the rank that got furthest has taken. */
    public synchronized long taken() {
      return taken;
    }
  }
}
