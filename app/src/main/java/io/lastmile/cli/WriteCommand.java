package io.lastmile.cli;

import io.lastmile.Cancellation;
import io.lastmile.Version;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.source.Location;
import io.lastmile.write.DatasetWrite;
import io.lastmile.write.Written;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile write}. */
@Command(
    name = "write",
    description = {
      "Writes a dataset, its steps done, as a folder of Parquet files.",
      "The same rows in the same order as its feed would bring, with all columns that it has after its last step, before tensors."
    },
    footer = {
      "",
      "The folder is there whole or not at all; _lastmile.json in it says what it holds. Exit code: 0 done, 2 a mistake found before the start, 3 bad data, 5 out of resources, 130 Ctrl-C, 143 SIGTERM.",
      "",
      "Examples:",
      "  lastmile write experiment.yaml train --to data/processed",
      "  lastmile write experiment.yaml train --to data/processed-1 --epoch 1 --json"
    })
final class WriteCommand implements Callable<Integer> {
  private static final double NANOS = 1e9;

  private final Console console;

  @Parameters(
      index = "0",
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Parameters(index = "1", paramLabel = "DATASET", description = "The dataset of it.")
  private String dataset = "";

  @Option(
      names = "--to",
      paramLabel = "DIR",
      required = true,
      description = "The folder to write: not there yet, or empty.")
  private String to = "";

  @Option(
      names = "--epoch",
      paramLabel = "N",
      description = "The epoch whose rows are written, from 0 (default: ${DEFAULT-VALUE}).")
  private int epoch = 0;

  @Option(names = "--json", description = "Print the manifest as JSON, one line.")
  private boolean json;

  WriteCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (epoch < 0) {
      throw LastmileException.of(
          FailureKind.USER, "Invalid --epoch: %d (must be >= 0)".formatted(epoch));
    }
    String mistake = Location.mistake(to, Path.of(""));
    if (mistake != null) {
      throw LastmileException.of(FailureKind.USER, mistake);
    }
    CompletableFuture<Cancellation> cancelled = new CompletableFuture<>();
    Signals.tell(cancelled::complete);
    long started = System.nanoTime();
    ExperimentFile read = ExperimentFile.read(file);
    try (DatasetWrite write = read.placing(() -> start(read))) {
      CompletableFuture<Void> _ = cancelled.thenAccept(why -> write.cancel(failure(why)));
      Written written = follow(write, started);
      double seconds = (System.nanoTime() - started) / NANOS;
      console.print(json ? json(written, seconds) : new WrittenText(written, seconds).text());
      return 0;
    } catch (LastmileException e) {
      Cancellation why = cancelled.getNow(null);
      if (why == null || e.kind() != FailureKind.CANCELLED) {
        throw e;
      }
      console.error("error: " + why.message());
      return why.exitCode();
    }
  }

  private DatasetWrite start(ExperimentFile read) {
    String version = Version.number();
    return DatasetWrite.start(
        read.experiment(), dataset, epoch, Path.of(to), version, new TemporaryFolder());
  }

  private static LastmileException failure(Cancellation why) {
    return LastmileException.of(FailureKind.CANCELLED, why.message());
  }

  private Written follow(DatasetWrite write, long started) throws InterruptedException {
    Duration interval = console.interval();
    try {
      Written written = write.await(interval);
      while (written == null) {
        console.status(
            WrittenText.progress(write.dataset(), write.progress(), System.nanoTime() - started));
        written = write.await(interval);
      }
      return written;
    } finally {
      console.clearStatus();
    }
  }

  private static String json(Written written, double seconds) {
    Map<String, Object> tree = new HashMap<>(written.manifest());
    tree.put("to", written.folder().toString());
    tree.put("seconds", seconds);
    return Json.write(tree);
  }
}
