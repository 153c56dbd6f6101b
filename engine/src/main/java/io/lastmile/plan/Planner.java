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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
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

  /** The columns of the tables that were looked at, behind their last steps, by dataset. */
  private final Map<String, Scope> scopes = new HashMap<>();

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
    if (dataset.source() instanceof Mix mix) {
      return plan(name, dataset, mix);
    }
    Table table = table(name, dataset);
    return plan(table, compiler(table), copies(dataset), budget, false);
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
    List<Table> tables = new ArrayList<>();
    for (int i = 0; i < mixed.size(); i++) {
      tables.add(table(mix.datasets().get(i), mixed.get(i).mixedInto(dataset)));
    }
    List<Scope> scopes = tables.stream().map(Table::scope).toList();
    List<DatasetPlan> members = new ArrayList<>();
    for (Table table : tables) {
      Function<String, @Nullable Shared> shared =
          what -> Shared.inMix(what, table.name, name, scopes);
      DatasetPlan plan = plan(table, compiler(table, element, shared), copies, share, true);
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

  /** A compiler of the tensors of a dataset that is no mix and in none. */
  private TensorCompiler compiler(Table table) {
    return compiler(
        table,
        table.element(),
        what -> {
          String from = experiment.origin().takenFrom(table.name, what);
          Scope columns = from == null ? null : scopes.get(from);
          return from == null || columns == null
              ? null
              : Shared.ofPart(what, table.name, from, columns);
        });
  }

  /**
   * A compiler of the tensors of a dataset.
   *
   * @param element of the dataset that the tensors and keys are written in
   * @param shared with which other datasets it has its tensors, or keys, in common
   */
  private TensorCompiler compiler(
      Table table, String element, Function<String, @Nullable Shared> shared) {
    Scope tensors = table.scope().sharing(shared.apply("tensors"));
    Scope keys = table.scope().sharing(shared.apply("keys"));
    return new TensorCompiler(tensors, keys, element, vocabularies, mistakes);
  }

  /**
   * A table and its steps.
   *
   * @param opened null where the source has a mistake
   * @param table what is left of it behind pruning
   * @param whole whether nothing has a mistake
   */
  private record Table(
      String name,
      Dataset dataset,
      Pruning pruning,
      @Nullable ParquetTable opened,
      @Nullable ParquetTable table,
      StepCompiler steps,
      Stage stage,
      boolean whole) {
    Scope scope() {
      return stage.scope();
    }

    String element() {
      return "datasets." + name;
    }
  }

  private Table table(String name, Dataset dataset) {
    int failures = mistakes.failures();
    String element = "datasets." + name;
    Pruning pruning = Pruning.of(session, dataset.steps());
    ParquetTable opened =
        dataset.source() instanceof Source.Files files
            ? open(files, element, pruning.selection())
            : null;
    ParquetTable table = opened == null ? null : pruning.rowGroups(opened);
    if (table != null && dataset.source() instanceof Source.Files files) {
      checkTable(dataset.shuffle(), table, element, files.kind());
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
    scopes.put(name, stage.scope());
    boolean whole = mistakes.failures() == failures;
    return new Table(name, dataset, pruning, opened, table, steps, stage, whole);
  }

  /**
   * The plan of a table.
   *
   * @param copies whether its batches have a copy number
   * @param memory of it
   * @param isMixed whether it is planned as one of a mix
   */
  private @Nullable DatasetPlan plan(
      Table of, TensorCompiler compiler, boolean copies, Budget memory, boolean isMixed) {
    int failures = mistakes.failures();
    Stage stage = of.stage;
    ParquetTable opened = of.opened;
    ParquetTable table = of.table;
    List<TensorForm> forms = compiler.compile(of.dataset, stage.levels().size() > 1, copies);
    if (opened == null || table == null || !of.whole || mistakes.failures() > failures) {
      return null;
    }
    DatasetPlan plan =
        new DatasetPlan(
            of.name,
            of.dataset,
            table,
            of.pruning.pruned(opened, table),
            of.steps.tables(),
            of.steps.sizes(),
            SplitQuery.of(compiler.outputs(), stage, table.columns()),
            stage,
            forms,
            new Splits(table.files(), of.dataset.shuffle(), experiment.seed()),
            Fingerprint.of(experiment.seed(), of.dataset, table, of.steps.tables()),
            memory);
    int workers = experiment.cluster().workers();
    return mistakes.attempt(() -> checkMemory(plan, workers, of.element(), isMixed)) ? plan : null;
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
            "A split of %s needs %s to be %s, but each worker has %s for rows of this dataset that wait (lower shuffle.row_groups, %s or raise cluster.workers.memory)"
                .formatted(
                    Counted.of(split.parts().size(), "row group"),
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
