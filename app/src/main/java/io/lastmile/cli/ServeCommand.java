package io.lastmile.cli;

import io.lastmile.Cancellation;
import io.lastmile.InjectedFaults;
import io.lastmile.dataset.Json;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.FeedServer;
import io.lastmile.feed.RuntimeFolder;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.FeedPlan;
import io.lastmile.plan.JobPlan;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile serve}. */
@Command(
    name = "serve",
    description = "Serves the feeds of an experiment to scripts that somebody else starts.",
    footer = {
      "",
      "The script calls lastmile.connect(\"unix:PATH\", \"train\", rank=..., world_size=...).",
      "",
      "Examples:",
      "  lastmile serve experiment.yaml",
      "  lastmile serve experiment.yaml --socket /tmp/feed.sock"
    })
final class ServeCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "The experiment: a YAML file, or canonical JSON (.json).")
  private Path file = Path.of("");

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description = "Where to listen (default: a path of its own, printed).")
  private @Nullable Path socket;

  @Option(
      names = "--embedded",
      hidden = true,
      description = "Print the address as JSON; end when standard input closes.")
  private boolean embedded;

  ServeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    CompletableFuture<Integer> end = new CompletableFuture<>();
    Signals.tell((Cancellation why) -> end.complete(why.exitCode()));
    ExperimentFile read = ExperimentFile.read(file);
    try (JobPlan plan = read.placing(() -> JobPlan.of(read.experiment(), new TemporaryFolder()));
        RuntimeFolder folder = RuntimeFolder.open();
        FeedServer server = read.placing(() -> serve(plan, folder))) {
      if (embedded) {
        StandardInput.whenClosed(() -> end.complete(0));
        console.print(Json.write(greeting(plan, address(folder))));
      } else {
        console.print("serving %s at unix:%s".formatted(name(read), address(folder)));
      }
      CompletableFuture<Void> _ =
          server.failure().thenAccept(end::completeExceptionally).toCompletableFuture();
      return await(end);
    }
  }

  private FeedServer serve(JobPlan plan, RuntimeFolder folder) {
    return FeedServer.open(plan, InjectedFaults.workers(plan), folder, address(folder));
  }

  private static String name(ExperimentFile read) {
    return read.experiment().name();
  }

  private Path address(RuntimeFolder folder) {
    return socket == null ? folder.socket() : socket.toAbsolutePath();
  }

  private static Map<String, Object> greeting(JobPlan plan, Path address) {
    Map<String, Object> fingerprints = new HashMap<>();
    for (Map.Entry<String, FeedPlan> dataset : plan.feeds().entrySet()) {
      fingerprints.put(dataset.getKey(), dataset.getValue().fingerprint());
    }
    return Map.of("socket", address.toString(), "fingerprint", fingerprints);
  }

  private static int await(CompletableFuture<Integer> end) throws Exception {
    try {
      return end.get();
    } catch (java.util.concurrent.ExecutionException e) {
      throw e.getCause() instanceof LastmileException failure ? failure : e;
    }
  }
}
