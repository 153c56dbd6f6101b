package io.lastmile.write;

import io.lastmile.batch.Layout;
import io.lastmile.batch.PackedRows;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Json;
import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.ColumnPlan;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import io.lastmile.plan.SmallTableSize;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import io.lastmile.sequence.Position;
import io.lastmile.sequence.StepSink;
import io.lastmile.source.Scratch;
import io.lastmile.worker.EpochEnd;
import io.lastmile.worker.EpochRun;
import io.lastmile.worker.RowKeeper;
import io.lastmile.worker.WarmSplits;
import io.lastmile.worker.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes the rows of an epoch of a dataset, as its feed would bring them but with all columns and
 * before tensors, to a folder of Parquet files, which is there whole or not at all. Its workers run
 * from {@link #start} on. Used by one thread; {@link #cancel} and {@link #progress} by any.
 */
public final class DatasetWrite implements AutoCloseable {
  /** Rows that the sequence hands over together. */
  private static final int BATCH = 1 << 15;

  private final JobPlan job;
  private final FeedPlan plan;
  private final Written.Origin origin;
  private final TargetFolder folder;
  private final PartFiles parts;
  private final FileTypes types;
  private final KeptRows rows;
  private final EpochRun run;
  private final EpochEnd end = new EpochEnd();

  private DatasetWrite(
      JobPlan job, FeedPlan plan, Written.Origin origin, TargetFolder folder, int epoch) {
    this.job = job;
    this.plan = plan;
    this.origin = origin;
    this.folder = folder;
    this.parts = new PartFiles(folder, PartFiles.ENOUGH_BYTES);
    List<ColumnPlan> columns = ColumnPlan.of(plan);
    Path empty = empty();
    try (Session session = job.engine().connect()) {
      this.types = FileTypes.of(columns, session, empty);
      Files.delete(empty);
    } catch (QueryException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES, "Cannot write %s: %s".formatted(folder.target(), e.summary()), e);
    } catch (IOException e) {
      throw TargetFolder.unwritable(folder.target(), e);
    }
    long memory = job.experiment().cluster().workerMemory();
    this.rows = new KeptRows(plan.name(), columns, types.metadata(), memory, folder, parts);
    this.run =
        new EpochRun(
            plan,
            Workers.of(job),
            1,
            Position.startOf(epoch, plan),
            new Sink(plan.slotLayout()),
            end,
            rows.keepers(),
            WarmSplits.none());
  }

  /**
   * Plans a dataset and begins to write it.
   *
   * @param experiment with the dataset
   * @param name of the dataset
   * @param epoch whose rows are written, from 0
   * @param to the folder: not there, or empty
   * @param lastmile the version of Lastmile, for the manifest
   * @param scratch for tables that are converted
   * @throws LastmileException of kind USER for a mistake in the dataset, or a folder that is not
   *     empty, lies in the source, or cannot keep the type of a column; nothing has been written
   */
  public static DatasetWrite start(
      Experiment experiment, String name, int epoch, Path to, String lastmile, Scratch scratch) {
    Path target = to.toAbsolutePath().normalize();
    TargetFolder.check(target);
    Written.Origin origin = new Written.Origin(lastmile, experiment, experiment.dataset(name));
    JobPlan job = JobPlan.ofRows(experiment, name, BATCH, scratch);
    TargetFolder folder = null;
    DatasetWrite started = null;
    try {
      FeedPlan plan = job.feed(name);
      for (DatasetPlan table : plan.tables()) {
        for (Source.Files source : table.dataset().sources()) {
          TargetFolder.checkOutside(target, source, experiment.origin().folder());
        }
      }
      job.engine().limitMemory(engineBytes(job, plan));
      folder = TargetFolder.begin(target);
      started = new DatasetWrite(job, plan, origin, folder, epoch);
      started.run.start();
      return started;
    } finally {
      if (started == null) {
        if (folder != null) {
          folder.close();
        }
        job.close();
      }
    }
  }

  /** Rows wait in the engine, not in staging, which holds their identities alone. */
  private static long engineBytes(JobPlan job, FeedPlan plan) {
    long small =
        plan.tables().stream()
            .flatMap(table -> table.smallTableSizes().stream())
            .mapToLong(SmallTableSize::bytes)
            .sum();
    return job.budget().engine() - small + job.budget().staging() / 8 * 7;
  }

  private Path empty() {
    return folder.file("empty.parquet");
  }

  /** How far it is. Any thread. */
  public WriteProgress progress() {
    Position now = run.sequence().position();
    return new WriteProgress(now.counts().read(), plan.rowsPerEpoch(), now.rows());
  }

  /** The name of the dataset. */
  public String dataset() {
    return plan.name();
  }

  /** Ends it with a failure, as soon as its user awaits it. Any thread. */
  public void cancel(LastmileException why) {
    end.failed(why);
  }

  /**
   * Waits for the end, and gives the folder its name.
   *
   * @return null when it goes on after that time
   * @throws LastmileException when it failed: there is no folder
   */
  public @Nullable Written await(Duration timeout) throws InterruptedException {
    return end.await(timeout) ? finish(run.sequence().position()) : null;
  }

  private Written finish(Position last) throws InterruptedException {
    try (Session session = job.engine().connect()) {
      rows.finish(session, empty());
      List<Written.File> files =
          parts.finish().stream()
              .map(part -> new Written.File(part.name(), part.rows(), part.bytes()))
              .toList();
      Written written =
          new Written(
              folder.target(), plan, origin, types.types(), leftOut(), last, end.skipped(), files);
      if (written.rows() != last.rows()) {
        throw LastmileException.of(
            FailureKind.INTERNAL,
            "%d rows were written of the %d of dataset \"%s\""
                .formatted(written.rows(), last.rows(), plan.name()));
      }
      writeManifest(Json.write(written.manifest()) + "\n");
      folder.finish();
      return written;
    } catch (IOException e) {
      throw TargetFolder.unwritable(folder.target(), e);
    }
  }

  private Map<String, List<String>> leftOut() {
    Map<String, List<String>> leftOut = new LinkedHashMap<>();
    for (RowKeeper keeper : rows.keepers()) {
      List<String> names = keeper.columns().leftOut();
      if (!names.isEmpty()) {
        leftOut.put(keeper.columns().rows().name(), names);
      }
    }
    return leftOut;
  }

  private void writeManifest(String json) throws IOException {
    Path path = folder.file(Written.MANIFEST);
    Files.write(path, json.getBytes(StandardCharsets.UTF_8));
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
      file.force(true);
    }
  }

  /** Ends the workers, and deletes what was written unless it is finished. */
  @Override
  public void close() {
    run.stop();
    try (job;
        folder;
        parts) {
      cancel(LastmileException.of(FailureKind.CANCELLED, "Closed"));
    } catch (IOException e) {
      throw TargetFolder.unwritable(folder.target(), e);
    }
  }

  /** Takes the row identities; the rows are kept elsewhere. */
  private static final class Sink implements StepSink {
    private final PackedRows slot;

    Sink(Layout layout) {
      // Freed with the last worker that knows it.
      slot = new PackedRows(Arena.ofAuto().allocate(layout.bytes(), 64), layout);
    }

    @Override
    public PackedRows slot(int rank) {
      return slot;
    }

    @Override
    public PackedRows larger(int rank, PackedRows outgrown, Layout layout) {
      throw new IllegalStateException("row identities have no lists");
    }

    @Override
    public void outgrown(int rank, PackedRows outgrown) {
      throw new IllegalStateException("row identities have no lists");
    }

    @Override
    public void publish(List<PackedRows> ranks, Position after) {
      slot.clear();
    }
  }
}
