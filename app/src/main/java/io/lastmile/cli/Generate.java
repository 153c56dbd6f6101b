package io.lastmile.cli;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.query.Engine;
import io.lastmile.query.QueryException;
import io.lastmile.query.Session;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lastmile generate}: writes recommender-shaped Parquet, the same for the same options. */
@Command(
    name = "generate",
    description = {
      "Writes made-up tables in the shape of a recommender's.",
      "They are OUT/impressions/part-*.parquet and OUT/spam_users.parquet. The same options give the same rows on every machine."
    },
    footer = {
      "",
      "Examples:",
      "  lastmile generate tables --rows 100000 --shape narrow",
      "  lastmile generate tables --rows 5000 --files 2 --seed 7",
      "  lastmile generate tables --rows 5000 --shape narrow --sessions 20"
    })
final class Generate implements Callable<Integer> {
  /** What the engine may use besides the row group that it collects. */
  private static final long MEMORY = 1L << 30;

  @Parameters(
      paramLabel = "OUT",
      description = "The folder to write to; its folder impressions is not there yet, or empty.")
  private @Nullable Path out;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Impressions in all files together (default: ${DEFAULT-VALUE}).")
  private long rows = 800_000;

  @Option(
      names = "--files",
      paramLabel = "N",
      description = "Files of impressions (default: ${DEFAULT-VALUE}).")
  private int files = 16;

  @Option(
      names = "--row-group",
      paramLabel = "N",
      description =
          "Rows per row group, rounded up to a multiple of 2048 (default: ${DEFAULT-VALUE}).")
  private int rowGroup = 10_000;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "Seed of all values (default: ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--shape",
      paramLabel = "full|narrow",
      description =
          "full: about 110 columns, six sequences and an embedding, 4.6 KB a row; narrow: 13 columns, 0.2 KB a row (default: ${DEFAULT-VALUE}).")
  private String shape = "full";

  @Option(
      names = "--wide",
      paramLabel = "N",
      description =
          "Further scalar columns wide_0 ...: float32 and int64 in turn (default: ${DEFAULT-VALUE}).")
  private int wide = 0;

  @Option(
      names = "--sessions",
      paramLabel = "K",
      description =
          "Rows come K to a request, sorted by user and request within a file; those of a request share user, sequences and embedding (default: ${DEFAULT-VALUE}).")
  private int sessions = 1;

  @Spec private @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    if (out == null || spec == null) {
      throw new IllegalStateException("picocli has not filled the options");
    }
    write(plan(), out, spec.commandLine().getOut());
    return 0;
  }

  private GenerationPlan plan() {
    check("--rows", rows, 1);
    check("--files", files, 1);
    check("--row-group", rowGroup, 1);
    check("--wide", wide, 0);
    check("--sessions", sessions, 1);
    return new GenerationPlan(shapeOf(shape), rows, files, rowGroup, seed, wide, sessions);
  }

  private static void check(String option, long value, long least) {
    if (value < least) {
      throw LastmileException.of(
          FailureKind.USER, "Invalid %s: %d (must be >= %d)".formatted(option, value, least));
    }
  }

  private static GenerationPlan.Shape shapeOf(String word) {
    return switch (word) {
      case "full" -> GenerationPlan.Shape.FULL;
      case "narrow" -> GenerationPlan.Shape.NARROW;
      default ->
          throw LastmileException.of(
              FailureKind.USER, "Invalid --shape: %s (must be full or narrow)".formatted(word));
    };
  }

  /** Writes the tables of a plan and says so, file by file. */
  static void write(GenerationPlan plan, Path out, PrintWriter console) {
    GeneratedTables tables = new GeneratedTables(plan);
    Path impressions = out.resolve("impressions");
    try {
      makeEmpty(impressions);
      try (Engine engine = Engine.open(MEMORY + 4 * plan.rowGroupBytes());
          Session session = engine.connect()) {
        HashMacros.statements().forEach(session::execute);
        for (int file = 0; file < plan.files(); file++) {
          Path target = impressions.resolve("part-%05d.parquet".formatted(file));
          session.execute(tables.copyImpressions(file, target));
          report(target, plan.firstRow(file + 1) - plan.firstRow(file), console);
        }
        Path users = out.resolve("spam_users.parquet");
        session.execute(tables.copySpamUsers(users));
        report(users, GeneratedTables.SPAM_USERS, console);
      }
    } catch (QueryException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES, "Cannot write to %s: %s".formatted(out, e.summary()), e);
    } catch (IOException e) {
      throw LastmileException.of(FailureKind.RESOURCES, "Cannot write to %s: %s".formatted(out, e));
    }
  }

  private static void makeEmpty(Path folder) throws IOException {
    Files.createDirectories(folder);
    try (Stream<Path> content = Files.list(folder)) {
      if (content.findAny().isPresent()) {
        throw LastmileException.of(
            FailureKind.USER,
            "The folder %s is not empty (remove it or name another OUT)".formatted(folder));
      }
    }
  }

  private static void report(Path file, long rows, PrintWriter console) throws IOException {
    String counted = Quantity.counted(rows, "row");
    console.printf(Locale.ROOT, "%s: %s, %.1f MB%n", file, counted, Files.size(file) / 1e6);
    console.flush();
  }
}
