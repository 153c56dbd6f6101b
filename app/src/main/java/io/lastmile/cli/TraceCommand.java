package io.lastmile.cli;

import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import io.lastmile.run.RecordedRun;
import io.lastmile.trace.RecordedEpoch;
import io.lastmile.trace.RowTrace;
import io.lastmile.trace.StepTrace;
import io.lastmile.trace.Trace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile trace}. */
@Command(
    name = "trace",
    description = {
      "Lists the rows of the source that a step of a run was made of, or says what became of rows: in which step and rank they were used, or which step of the dataset dropped them and why.",
      "Nothing but how many rows each split gave was recorded: the splits that hold the rows are run again."
    },
    footer = {
      "",
      "Exit code: 0 rows were traced; 2 none was found, the data has changed, or a mistake; 3 bad data; 5 out of resources.",
      "",
      "Examples:",
      "  lastmile trace runs/first-1 --step 18204 --rank 3",
      "  lastmile trace runs/first-1 --step 7 --epoch 1 --columns user_id",
      "  lastmile trace runs/first-1 --row part-000.parquet:4711",
      "  lastmile trace runs/first-1 --where \"user_id = 7\" --limit 10"
    })
final class TraceCommand implements Callable<Integer> {
  private static final int NOTHING_FOUND = 2;
  private static final Pattern ROW = Pattern.compile("(.+):(\\d{1,18})");

  private final Console console;

  @Parameters(paramLabel = "RUN", description = "The record of a run, such as runs/first-1.")
  private Path run = Path.of("");

  @ArgGroup(multiplicity = "1")
  private Asked asked = new Asked();

  @Option(
      names = "--rank",
      paramLabel = "R",
      description = "Of a step only the rows of this rank (default: all).")
  private @Nullable Integer rank;

  @Option(
      names = "--epoch",
      paramLabel = "E",
      description = "The epoch, from 0 (default: of a step the only one, of rows all).")
  private @Nullable Integer epoch;

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "The dataset of the feed (default: the only one).")
  private @Nullable String dataset;

  @Option(
      names = "--columns",
      paramLabel = "NAMES",
      split = ",",
      description =
          "Columns that are shown, names or globs: of a step as batches have them, else of the source (default: the dataset's keys).")
  private List<String> columns = List.of();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Rows listed at most (default: ${DEFAULT-VALUE}).")
  private long limit = 100;

  @Option(names = "--json", description = "Print all of it as JSON, one line.")
  private boolean json;

  TraceCommand(Console console) {
    this.console = console;
  }

  /** What is traced. */
  static final class Asked {
    @Option(
        names = "--step",
        paramLabel = "N",
        description = "The rows of this step of the epoch, from 0.")
    private @Nullable Long step;

    @Option(
        names = "--row",
        paramLabel = "FILE:ROW",
        description =
            "This row of the source: the file as a step lists it, or its path, and the row in it, from 0.")
    private @Nullable String row;

    @Option(
        names = "--where",
        paramLabel = "SQL",
        description = "The rows of the source for which this is TRUE.")
    private @Nullable String where;
  }

  @Override
  public Integer call() throws InterruptedException {
    check("--limit", limit, 1);
    check("--rank", rank == null ? 0 : rank, 0);
    check("--step", asked.step == null ? 0 : asked.step, 0);
    if (rank != null && asked.step == null) {
      throw mistake("Invalid --rank: %d (it goes with --step)".formatted(rank));
    }
    Matcher row = asked.row == null ? null : row(asked.row);
    RecordedRun.Kept record = RecordedRun.kept(run);
    List<RecordedEpoch> epochs = epochs(record);
    Experiment experiment = CanonicalJson.read(record.experiment(), record.folder());
    try (JobPlan job = JobPlan.of(experiment, new TemporaryFolder());
        Trace trace = new Trace(job, epochs, files(record, epochs.getFirst().dataset()))) {
      if (asked.step != null) {
        return print(trace.step(asked.step, rank, columns, limit));
      }
      return print(
          row != null
              ? trace.row(row.group(1), Long.parseLong(row.group(2)), columns)
              : trace.where(Objects.requireNonNull(asked.where), columns, limit));
    }
  }

  private static void check(String option, long value, long least) {
    if (value < least) {
      throw mistake("Invalid %s: %d (must be >= %d)".formatted(option, value, least));
    }
  }

  private static Matcher row(String text) {
    Matcher row = ROW.matcher(text);
    if (!row.matches()) {
      throw mistake(
          "Invalid --row: %s (must be a file, a colon and a row, such as part-0.parquet:17)"
              .formatted(text));
    }
    return row;
  }

  /** The recorded epochs of the dataset that are asked for. */
  private List<RecordedEpoch> epochs(RecordedRun.Kept record) {
    List<RecordedEpoch> all = record.lineage().stream().map(RecordedEpoch::read).toList();
    if (all.isEmpty()) {
      throw mistake(
          "Run %s has no lineage: no rank opened a feed, or it was made before there was one"
              .formatted(run));
    }
    List<String> names = all.stream().map(RecordedEpoch::dataset).distinct().toList();
    if (dataset == null && names.size() > 1) {
      throw mistake(
          "Missing --dataset: run %s has feeds of %s".formatted(run, String.join(", ", names)));
    }
    String name = dataset == null ? names.getFirst() : dataset;
    if (!names.contains(name)) {
      throw mistake(
          "Invalid --dataset: run %s has no feed of \"%s\"%s"
              .formatted(run, name, Nearest.hint(name, names)));
    }
    List<RecordedEpoch> some =
        all.stream()
            .filter(each -> each.dataset().equals(name) && (epoch == null || each.epoch() == epoch))
            .toList();
    String numbers =
        all.stream()
            .filter(each -> each.dataset().equals(name))
            .map(each -> Integer.toString(each.epoch()))
            .collect(Collectors.joining(", "));
    if (some.isEmpty()) {
      throw mistake("Invalid --epoch: %d (run %s has %s)".formatted(epoch, run, numbers));
    }
    if (asked.step != null && some.size() > 1) {
      throw mistake("Missing --epoch: run %s has epochs %s".formatted(run, numbers));
    }
    return some;
  }

  private static List<?> files(RecordedRun.Kept record, String dataset) {
    return record.files().get(dataset) instanceof List<?> files ? files : List.of();
  }

  private int print(StepTrace trace) {
    console.print(json ? Json.write(TraceJson.tree(trace)) : TraceText.of(trace));
    return 0;
  }

  private int print(RowTrace trace) {
    Map<String, @Nullable Object> tree = json ? TraceJson.tree(trace) : Map.of();
    console.print(json ? Json.write(tree) : TraceText.of(trace));
    return trace.found() == 0 ? NOTHING_FOUND : 0;
  }

  private static LastmileException mistake(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }
}
