package io.lastmile.plan;

import io.lastmile.batch.Layout;
import io.lastmile.batch.TensorForm;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Shuffle;
import io.lastmile.dataset.Source;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a dataset is run. Immutable; any thread.
 *
 * @param name of the dataset
 * @param dataset what the user said
 * @param table its files and row groups, as far as they are read
 * @param pruned what of them is not
 * @param smallTables files of its map-side joins
 * @param smallTableSizes those tables in memory
 * @param query of its splits
 * @param stage its steps, compiled
 * @param forms tensors, keys and the row identity, in the order of the batch
 * @param splits of each epoch
 * @param fingerprint of everything that decides its row sequence, hexadecimal
 * @param budget of memory
 */
public record DatasetPlan(
    String name,
    Dataset dataset,
    ParquetTable table,
    Pruned pruned,
    List<ParquetTable> smallTables,
    List<SmallTableSize> smallTableSizes,
    SplitQuery query,
    Stage stage,
    List<TensorForm> forms,
    Splits splits,
    String fingerprint,
    Budget budget)
    implements FeedPlan {
  /** Rows of a staging buffer: those of one vector of the engine. */
  public static final int STAGING_ROWS = 2048;

  private static final double UNKNOWN_LENGTH = 32;
  private static final double SPARE = 1.25;
  private static final int SPARE_VALUES = 1024;

  public DatasetPlan {
    smallTables = List.copyOf(smallTables);
    smallTableSizes = List.copyOf(smallTableSizes);
    forms = List.copyOf(forms);
  }

  @Override
  public @Nullable Limit limit() {
    return stage.limit();
  }

  @Override
  public List<DatasetPlan> tables() {
    return List.of(this);
  }

  @Override
  public List<CountedStep> copySteps() {
    return query.copies().stream()
        .map(step -> new CountedStep(null, step.step(), step.kind()))
        .toList();
  }

  /**
   * The steps that can drop rows, in order: those of the query, then the limit, then the last step
   * of the ranks.
   */
  @Override
  public List<CountedStep> dropSteps() {
    List<CountedStep> drops = new ArrayList<>();
    query.drops().forEach(step -> drops.add(new CountedStep(null, step.step(), step.kind())));
    Limit limit = stage.limit();
    if (limit != null) {
      drops.add(limit.counted());
    }
    if (lastSteps() > 0) {
      drops.add(new CountedStep(null, dataset.steps().size(), CountedStep.LAST_STEP));
    }
    return drops;
  }

  @Override
  public @Nullable LabelTensor label() {
    return LabelTensor.of(this);
  }

  @Override
  public List<String> identityPaths() {
    return table.files().stream().map(TableFile::relative).toList();
  }

  @Override
  public long rowsPerEpoch() {
    return table.rows();
  }

  @Override
  public Layout slotLayout() {
    LabelTensor label = label();
    int counts = copySteps().size() + dropSteps().size() + skippable();
    return Layout.of(
        forms,
        dataset.batch(),
        capacities(dataset.batch()),
        counts,
        label == null ? List.of() : List.of(label.column()));
  }

  /** How many row groups of a split a position may name as left out. */
  int skippable() {
    boolean skips =
        dataset.source() instanceof Source.Parquet parquet
            && parquet.onCorrupt() == Source.OnCorrupt.SKIP;
    return !skips ? 0 : dataset.shuffle() instanceof Shuffle.RowGroups(int count, _) ? count : 1;
  }

  /** Whether something of the source is not read. */
  boolean isPruned() {
    return pruned.files() + pruned.rowGroups() > 0;
  }

  /** The layout of a staging buffer. */
  public Layout stagingLayout() {
    return Layout.of(forms, STAGING_ROWS, capacities(STAGING_ROWS));
  }

  /** Values of so many rows, with some to spare, for each ragged form in order. */
  long[] capacities(int rows) {
    return forms.stream()
        .filter(TensorForm::ragged)
        .mapToLong(form -> (long) (rows * meanLength(form) * SPARE) + SPARE_VALUES)
        .toArray();
  }

  private double meanLength(TensorForm form) {
    long rows = table.rows();
    boolean list = form.kind() != TensorForm.Kind.TEXT;
    double mean = rows == 0 || !list ? 0 : (double) listValues(form, table) / rows;
    return Math.min(mean == 0 ? UNKNOWN_LENGTH : mean, form.cut().most());
  }

  private static long listValues(TensorForm form, ParquetTable table) {
    return table.files().stream()
        .flatMap(file -> file.rowGroups().stream())
        .mapToLong(group -> listValues(form, group))
        .sum();
  }

  private static long listValues(TensorForm form, RowGroup group) {
    return group.listValues().getOrDefault(form.columns().getFirst(), 0L);
  }

  /**
   * The same steps over some of the row groups, without the end of the epoch and with rows that may
   * be none: for a look at how they fare.
   *
   * @param parts row groups of this plan, each once
   * @param shuffle the order of the rows
   * @param seed of the order
   */
  public DatasetPlan over(List<Split.Part> parts, Shuffle shuffle, long seed) {
    List<List<RowGroup>> rowGroups = new ArrayList<>();
    table.files().forEach(file -> rowGroups.add(new ArrayList<>()));
    parts.forEach(part -> rowGroups.get(part.fileOrdinal()).add(part.rowGroup()));
    List<TableFile> files = new ArrayList<>();
    for (int i = 0; i < rowGroups.size(); i++) {
      rowGroups.get(i).sort(Comparator.comparingInt(RowGroup::ordinal));
      files.add(table.files().get(i).only(rowGroups.get(i)));
    }
    return new DatasetPlan(
        name,
        dataset.over(shuffle),
        table.only(files),
        pruned,
        smallTables,
        smallTableSizes,
        query,
        new Stage(stage.scope(), stage.levels(), null, stage.waypoints()),
        forms,
        new Splits(files, shuffle, seed),
        fingerprint,
        budget);
  }

  /**
   * A split of so few rows that these are among them: of each of their row groups those from the
   * first to the last.
   *
   * @param identities of rows of this plan
   */
  public Split spanning(long epoch, Collection<Long> identities) {
    NavigableSet<Long> left = new TreeSet<>(identities);
    List<Split.Part> parts = new ArrayList<>();
    for (Split.Part part : splits.parts()) {
      long first = SplitQuery.identity(part);
      NavigableSet<Long> here = left.subSet(first, true, first + part.rowGroup().rows(), false);
      if (!here.isEmpty()) {
        long skipped = here.first() - first;
        RowGroup some = part.rowGroup().some(skipped, here.last() - here.first() + 1);
        parts.add(new Split.Part(part.file(), part.fileOrdinal(), some));
      }
    }
    return new Split(epoch, 0, parts);
  }

  @Override
  public String explain() {
    return Explanation.of(this);
  }

  @Override
  public List<Map<String, Object>> files() {
    List<Map<String, Object>> files = new ArrayList<>();
    Stream.concat(Stream.of(table), smallTables.stream())
        .flatMap(each -> each.files().stream())
        .forEach(file -> files.add(description(file)));
    return files;
  }

  private static Map<String, Object> description(TableFile file) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("path", file.path().toString());
    tree.put("relative", file.relative());
    tree.put("bytes", file.bytes());
    tree.put("hash", file.hash());
    tree.put("modified", file.modified().toString());
    tree.put("row_groups", (long) file.rowGroups().size());
    tree.put("rows", file.rowGroups().stream().mapToLong(RowGroup::rows).sum());
    return tree;
  }

  /** Bytes that the rows of a split take at most while they wait, as far as the footers tell. */
  public long stagingBytes(Split split) {
    long fixed =
        forms.stream().mapToLong(form -> form.ragged() ? 8 : form.rowBytes()).sum() * split.rows();
    double values = 0;
    for (TensorForm form : forms) {
      if (form.ragged()) {
        values += splitValues(form, split) * form.dtype().bytes();
      }
    }
    return (long) ((fixed + values) * SPARE) + 2 * stagingLayout().bytes();
  }

  private double splitValues(TensorForm form, Split split) {
    long known = split.parts().stream().mapToLong(part -> listValues(form, part.rowGroup())).sum();
    double values = known == 0 ? split.rows() * UNKNOWN_LENGTH : known;
    return Math.min(values, (double) split.rows() * form.cut().most());
  }
}
