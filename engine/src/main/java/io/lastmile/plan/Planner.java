package io.lastmile.plan;

import io.lastmile.batch.TensorForm;
import io.lastmile.dataset.ByteSize;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Mix;
import io.lastmile.dataset.Shuffle;
import io.lastmile.dataset.Source;
import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.query.Engine;
import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import io.lastmile.source.ParquetTable;
import io.lastmile.source.RowGroup;
import io.lastmile.source.Scratch;
import io.lastmile.source.Selection;
import io.lastmile.source.TableColumn;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import io.lastmile.split.Splits;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Plans the datasets of one experiment. Used by one thread. */
final class Planner {
  private final Experiment experiment;
  private final Engine engine;
  private final Session session;
  private final Budget budget;
  private final Vocabularies vocabularies;
  private final Scratch scratch;
  private final SmallTables smallTables;
  private final Mistakes mistakes;

  Planner(
      Experiment experiment,
      Engine engine,
      Session session,
      Budget budget,
      Scratch scratch,
      Mistakes mistakes) {
    this.mistakes = mistakes;
    this.experiment = experiment;
    this.engine = engine;
    this.session = session;
    this.budget = budget;
    this.vocabularies = new Vocabularies(experiment.origin().folder());
    this.scratch = scratch;
    this.smallTables =
        new SmallTables(
            engine, session, experiment.origin().folder(), scratch, budget.engine() / 2);
  }

  /** Bytes of the small tables of the datasets planned so far. */
  long smallTableBytes() {
    return smallTables.bytes();
  }

  /** The plan of a dataset; null when it has a mistake that is kept. */
  @Nullable FeedPlan plan(String name, Dataset dataset) {
    return switch (dataset.source()) {
      case Source.Files files ->
          plan(name, dataset, files, "datasets." + name, copies(dataset), budget);
      case Mix mix -> plan(name, dataset, mix);
      case Source.Unread _ ->
          plan(name, dataset, null, "datasets." + name, copies(dataset), budget);
    };
  }

  private static boolean copies(Dataset dataset) {
    return dataset.steps().stream()
        .anyMatch(step -> step instanceof Step.Explode || step instanceof Step.Upsample);
  }

  private @Nullable MixPlan plan(String name, Dataset dataset, Mix mix) {
    String element = "datasets." + name;
    List<Dataset> mixed = mix.datasets().stream().map(experiment::dataset).toList();
    boolean copies = mixed.stream().anyMatch(Planner::copies);
    Budget share = budget.share(mixed.size());
    List<DatasetPlan> members = new ArrayList<>();
    for (int i = 0; i < mixed.size(); i++) {
      Dataset member = mixed.get(i).mixedInto(dataset);
      Source.Files files = member.source() instanceof Source.Files read ? read : null;
      DatasetPlan plan = plan(mix.datasets().get(i), member, files, element, copies, share);
      if (plan != null) {
        members.add(plan);
      }
    }
    if (members.size() < mixed.size()
        || !mistakes.attempt(() -> Alike.check(members, element + ".mix"))) {
      return null;
    }
    Limit limit = null;
    for (int i = 0; i < dataset.steps().size(); i++) {
      limit = dataset.steps().get(i) instanceof Step.Limit last ? new Limit(i, last.rows()) : null;
    }
    String fingerprint = Fingerprint.of(experiment.seed(), mix, members, limit);
    return new MixPlan(name, dataset, mix, members, experiment.seed(), limit, fingerprint, budget);
  }

  /**
   * The plan of a table.
   *
   * @param source null where it has a mistake: of the rest only the mistakes are found
   * @param tensors element of the dataset that the tensors and keys are written in
   * @param copies whether its batches have a copy number
   * @param memory of it
   */
  private @Nullable DatasetPlan plan(
      String name,
      Dataset dataset,
      Source.@Nullable Files source,
      String tensors,
      boolean copies,
      Budget memory) {
    int failures = mistakes.failures();
    String element = "datasets." + name;
    boolean isMixed = !tensors.equals(element);
    Pruning pruning = Pruning.of(session, dataset.steps());
    ParquetTable opened = source == null ? null : open(source, element, pruning.selection());
    ParquetTable table = opened == null ? null : pruning.rowGroups(opened);
    if (source != null && table != null) {
      checkTable(dataset.shuffle(), table, element, source.kind());
    }
    StepCompiler steps =
        new StepCompiler(
            checker(name, dataset, table),
            smallTables,
            mistakes,
            element,
            experiment.seed(),
            table == null ? Scope.unknown() : SplitQuery.scope(table));
    Stage stage = steps.compile(dataset.steps());
    TensorCompiler compiler = new TensorCompiler(stage.scope(), tensors, vocabularies, mistakes);
    List<TensorForm> forms = compiler.compile(dataset, stage.levels().size() > 1, copies);
    if (opened == null || table == null || mistakes.failures() > failures) {
      return null;
    }
    DatasetPlan plan =
        new DatasetPlan(
            name,
            dataset,
            table,
            pruning.pruned(opened, table),
            steps.tables(),
            steps.sizes(),
            SplitQuery.of(compiler.outputs(), stage, table.columns()),
            stage,
            forms,
            new Splits(table.files(), dataset.shuffle(), experiment.seed()),
            Fingerprint.of(experiment.seed(), dataset, table, steps.tables()),
            memory);
    int workers = experiment.cluster().workers();
    return mistakes.attempt(() -> checkMemory(plan, workers, element, isMixed)) ? plan : null;
  }

  private @Nullable ParquetTable open(Source.Files source, String element, Selection selection) {
    return mistakes.orNull(() ->
        ParquetTable.open(
            engine,
            source,
            experiment.origin().folder(),
            element + ".source." + source.kind(),
            experiment.cluster().workers(),
            scratch,
            selection));
  }

  private void checkTable(Shuffle shuffle, ParquetTable table, String element, String format) {
    mistakes.attempt(() -> checkNames(table, element + ".source." + format));
    mistakes.attempt(() -> checkPartition(shuffle, table, element + ".shuffle"));
  }

  private Checker checker(String name, Dataset dataset, @Nullable ParquetTable table) {
    if (table == null) {
      return new Checker(session, "(SELECT 1)");
    }
    String schema = Expressions.quote("schema of " + name);
    EmptyTable columns = new EmptyTable(session, schema, table, dataset.steps().toString());
    return new Checker(session, schema, columns::complete);
  }

  private static void checkNames(ParquetTable table, String element) {
    for (TableColumn column : table.columns()) {
      if (SplitQuery.reserves(column.name())) {
        throw LastmileException.user(
            element,
            "Reserved column name: \"%s\" in %s (file_row_number and names that begin with lastmile_ are needed for the row identity; write the files with another name)"
                .formatted(column.name(), table.files().getFirst().path()));
      }
    }
  }

  private static void checkPartition(Shuffle shuffle, ParquetTable table, String element) {
    if (shuffle instanceof Shuffle.RowGroups groups && groups.within() != null) {
      for (TableFile file : table.files()) {
        if (!file.partitions().containsKey(groups.within())) {
          throw LastmileException.user(
              element,
              "Invalid partition: \""
                  + groups.within()
                  + "\" (the file "
                  + file.path()
                  + " lies in no folder \""
                  + groups.within()
                  + "=…\")");
        }
      }
    }
  }

  /**
   * A split whose rows are permuted or mixed waits as a whole, one for each worker; one in file
   * order can be streamed when its turn has come.
   */
  private static void checkMemory(DatasetPlan plan, int workers, String element, boolean isMixed) {
    for (TableFile file : plan.table().files()) {
      file.rowGroups().forEach(group -> checkRowGroup(file, group, plan.budget(), element));
    }
    if (!isMixed && plan.dataset().shuffle() instanceof Shuffle.None) {
      return;
    }
    long room = plan.budget().staging() / workers;
    for (Split split : plan.splits().of(0)) {
      long needed = plan.stagingBytes(split);
      if (needed > room) {
        throw LastmileException.user(
            element + ".shuffle",
            "A split of %d row groups needs %s to be %s, but each worker has %s for rows of this dataset that wait (lower shuffle.row_groups, %s or raise cluster.workers.memory)"
                .formatted(
                    split.parts().size(),
                    ByteSize.mebibytes(needed),
                    isMixed ? "mixed" : "shuffled",
                    ByteSize.mebibytes(room),
                    isMixed ? "write smaller row groups" : "use shuffle: none,"));
      }
    }
  }

  /** The engine holds the pages of a row group while it reads it. */
  private static void checkRowGroup(TableFile file, RowGroup group, Budget budget, String element) {
    if (group.compressedBytes() > budget.engine()) {
      throw LastmileException.user(
          element + ".source.parquet",
          "Row group %d of %s has %s, but the engine's share of the budget is %s (raise cluster.workers.memory)"
              .formatted(
                  group.ordinal(),
                  file.path(),
                  ByteSize.mebibytes(group.compressedBytes()),
                  ByteSize.mebibytes(budget.engine())));
    }
  }
}
