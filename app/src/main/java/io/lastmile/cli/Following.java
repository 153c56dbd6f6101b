package io.lastmile.cli;

import io.lastmile.Cancellation;
import io.lastmile.Run;
import io.lastmile.dataset.Json;
import io.lastmile.error.LastmileException;
import io.lastmile.run.Summary;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Shows a run to the user, from its start to its end.
 *
 * @param console to show it on
 * @param cancelled completes when the user ends it
 * @param embedded prints the place of the record as JSON, and ends when standard input closes
 */
record Following(Console console, CompletableFuture<Cancellation> cancelled, boolean embedded) {
  /** The exit code of a run that this starts. */
  int end(Supplier<Run> launch) throws InterruptedException {
    Run run;
    try {
      run = launch.get();
    } catch (LastmileException e) {
      Cancellation why = cancelled.getNow(null);
      if (why == null) {
        throw e;
      }
      console.error("error: " + why.message());
      return why.exitCode();
    }
    if (embedded) {
      StandardInput.whenClosed(() -> cancelled.complete(Cancellation.REQUESTED));
      console.print(Json.write(Map.of("record", run.record().toString())));
    }
    CompletableFuture<Void> _ = cancelled.thenAccept(run::cancel);
    return follow(run).exit().code();
  }

  private Summary follow(Run run) throws InterruptedException {
    Duration interval = console.interval();
    ProgressText text = ProgressText.starting();
    Summary summary = run.await(interval);
    while (summary == null) {
      text = text.next(run.progress(), System.nanoTime());
      console.status(text.line() + (run.restarts() > 0 ? ", restarts " + run.restarts() : ""));
      summary = run.await(interval);
    }
    console.clearStatus();
    console.print(new SummaryText(run.record(), summary, run.progress()).text());
    String message = summary.exit().message();
    if (message != null) {
      console.error("error: " + message);
    }
    return summary;
  }
}
