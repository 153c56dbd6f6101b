package io.lastmile.sequence;

import io.lastmile.batch.PackedRows;
import io.lastmile.batch.ValueHash;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.LabelTensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The global row sequence of one epoch, cut into steps of world size × batch rows. Rows are added
 * by one thread at a time.
 */
public abstract sealed class Sequence permits TableSequence, MixedSequence {
  private final FeedPlan plan;
  private final int batch;
  private final int worldSize;
  private final StepSink sink;
  private final IdentityDigest identities;
  private final @Nullable LabelTensor label;

  /** The batches being filled, by rank; only as many as have rows. */
  private final List<Target> targets = new ArrayList<>();

  /** Rows of the step that is being filled. */
  private int stepRows;

  private int filled;
  private long digest;

  /** Of the rows of the step that is being filled, in order: the hashes of their identities. */
  private final long[] hashes;

  /** The sum of the hashes of their values; null: it is not taken. */
  private @Nullable Long values;

  private volatile Position position;

  /**
   * A sequence that goes on from a position.
   *
   * @param plan of the dataset
   * @param worldSize ranks that share each step
   * @param start the first row
   * @param sink of its steps
   */
  Sequence(FeedPlan plan, int worldSize, Position start, StepSink sink) {
    this.plan = plan;
    this.batch = plan.dataset().batch();
    this.worldSize = worldSize;
    this.sink = sink;
    this.label = plan.label();
    this.identities = new IdentityDigest(plan.identityPaths(), !plan.copySteps().isEmpty());
    this.position = start;
    this.stepRows = worldSize * batch;
    this.digest = start.digest();
    this.values = start.values();
    this.hashes = new long[values == null ? 0 : stepRows];
  }

  /**
   * Has a step begin at a row: the first is cut short, so that those behind that row are as they
   * were for ranks that began there. Before the first row is added.
   *
   * @param row of the epoch, not before the start
   */
  public final void cutAt(long row) {
    int rest = (int) ((row - position.rows()) % stepRows);
    stepRows = rest == 0 ? stepRows : rest;
  }

  /**
   * The position after the last complete step; its counts may already know of splits behind it. Any
   * thread.
   */
  public final Position position() {
    return position;
  }

  /**
   * How many rows the splits that are complete give, for each table of the plan; none where they
   * come in the order of arrival. Any thread.
   */
  public abstract List<SplitCounts> splitCounts();

  /**
   * All rows have been added: divides what is left evenly among the ranks, or drops it, and gives
   * the start of the next epoch.
   */
  public final Position finish() throws InterruptedException {
    if (filled > 0) {
      switch (plan.dataset().lastStep()) {
        case UNEVEN -> divideLastStep(1);
        case PAD -> divideLastStep(batch);
        case DROP -> dropLastStep();
      }
    }
    return Position.startOf(position.epoch() + 1, plan);
  }

  /** Rows until the step that is being filled is complete, at least one. */
  final int room() {
    return stepRows - filled;
  }

  /** Rows of the epoch that have been added. */
  final long rows() {
    return position.rows() + filled;
  }

  /** Adds rows [first, end); waits where a rank has no free slot. */
  final void add(RowSource rows, int first, int end) throws InterruptedException {
    int from = first;
    while (from < end) {
      int free = Math.min(batch - filled % batch, stepRows - filled);
      int count = write(filled / batch, rows, from, Math.min(free, end - from));
      for (int row = 0; row < count; row++) {
        long hash = identities.of(rows.identity(from + row), rows.copy(from + row));
        digest += hash;
        if (values != null) {
          hashes[filled + row] = hash;
        }
      }
      from += count;
      filled += count;
      added(count);
      if (filled == stepRows) {
        publish(filled, new int[worldSize]);
      }
    }
  }

  /** So many rows more have been added; told before the step they complete is published. */
  abstract void added(int rows);

  /** The position with the next row, wherever this sequence keeps that. */
  abstract Position placed(Position at);

  /** The position of now with the next row as it is kept: all rows are added. */
  final void place() {
    position = placed(position);
  }

  /** The position of now with other counts. */
  final void count(Counts counts) {
    Position now = position;
    position = now.counting(now.step(), now.rows(), counts, now.digest(), now.values());
  }

  /** Writes up to count rows into the batch of a rank, at least one; says how many. */
  private int write(int rank, RowSource rows, int from, int count) throws InterruptedException {
    while (true) {
      Target target = target(rank);
      int fit = rows.fitting(target.packer(), from, count, target.rows());
      if (fit > 0) {
        rows.write(target.packer(), from, fit, target.rows());
        return fit;
      }
      grow(rank, target, rows.lengths(target.packer(), from));
    }
  }

  private Target target(int rank) throws InterruptedException {
    while (targets.size() <= rank) {
      targets.add(Target.of(sink.slot(targets.size())));
    }
    return targets.get(rank);
  }

  private void grow(int rank, Target full, long[] lengths) {
    Target larger = Target.of(sink.larger(rank, full.rows(), full.larger(lengths)));
    larger.packer().copy(full.rows(), 0, full.rows().rows(), larger.rows());
    targets.set(rank, larger);
    sink.outgrown(rank, full.rows());
  }

  /**
   * Rank r gets rows [⌊R·r/W⌋, ⌊R·(r+1)/W⌋) of the R rows left, and padding rows.
   *
   * @param least rows of a batch, with padding
   */
  private void divideLastStep(int least) throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      List<PackedRows> left = new ArrayList<>();
      for (Target target : targets) {
        PackedRows copy =
            new PackedRows(
                arena.allocate(target.rows().layout().bytes(), 64), target.rows().layout());
        target.packer().copy(target.rows(), 0, target.rows().rows(), copy);
        target.rows().clear();
        left.add(copy);
      }
      RowSource rows = new StagedRows(left, null);
      int[] padding = new int[worldSize];
      for (int rank = 0; rank < worldSize; rank++) {
        int from = (int) ((long) filled * rank / worldSize);
        int end = (int) ((long) filled * (rank + 1) / worldSize);
        padding[rank] = Math.max(0, least - (end - from));
        while (from < end) {
          from += write(rank, rows, from, end - from);
        }
        target(rank).rows().pad(padding[rank]);
      }
      publish(filled, padding);
    }
  }

  /** Counts the rows of the step that is being filled as dropped; nobody gets them. */
  private void dropLastStep() {
    Counts counts = position.counts();
    List<Long> left = left(filled);
    int steps = counts.dropped().size() - left.size();
    List<Long> dropped = new ArrayList<>(Collections.nCopies(steps, 0L));
    dropped.addAll(left);
    count(counts.plusSplit(0, Collections.nCopies(counts.added().size(), 0L), dropped));
    targets.clear();
    filled = 0;
  }

  /** How many of the rows behind the last step each table gave. */
  abstract List<Long> left(int rows);

  /**
   * Gives the step that has been filled to the ranks.
   *
   * @param padding rows of each rank's batch, beside its real ones
   */
  private void publish(int rows, int[] padding) {
    Map<String, Long> unknown = new LinkedHashMap<>();
    long positives = 0;
    for (Target target : targets) {
      target
          .rows()
          .settleUnknown()
          .forEach((tensor, count) -> unknown.merge(tensor, count, Long::sum));
      positives +=
          label == null
              ? 0
              : target.rows().positives(target.rows().layout().places().get(label.form()));
    }
    hashValues(padding);
    Position before = position;
    Counts counts =
        before.counts().plusStep(rows, Arrays.stream(padding).sum(), positives, unknown);
    Position after =
        placed(before.counting(before.step() + 1, before.rows() + rows, counts, digest, values));
    byte[] json = after.json();
    List<PackedRows> ranks = targets.stream().map(Target::rows).toList();
    for (int rank = 0; rank < ranks.size(); rank++) {
      ranks.get(rank).seal(padding[rank], rows, after.epoch(), before.step(), json);
    }
    position = after;
    targets.clear();
    filled = 0;
    stepRows = worldSize * batch;
    sink.publish(ranks, after);
  }

  private void hashValues(int[] padding) {
    if (values == null) {
      return;
    }
    long sum = values;
    int at = 0;
    for (int rank = 0; rank < targets.size(); rank++) {
      PackedRows rows = targets.get(rank).rows();
      for (int row = 0; row < rows.rows() - padding[rank]; row++) {
        sum += ValueHash.of(rows, row, hashes[at]);
        at++;
      }
    }
    values = sum;
  }
}
