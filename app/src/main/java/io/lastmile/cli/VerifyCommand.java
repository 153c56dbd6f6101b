package io.lastmile.cli;

import io.lastmile.certify.Certificate;
import io.lastmile.dataset.CanonicalJson;
import io.lastmile.dataset.Experiment;
import io.lastmile.dataset.Json;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.feed.TemporaryFolder;
import io.lastmile.plan.JobPlan;
import io.lastmile.run.RecordedRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lastmile verify}. */
@Command(
    name = "verify",
    description = {
      "Computes the certificates of a run again, from the source.",
      "Each epoch is run once more, without its ranks: rows read, what each step dropped and added, rows delivered, and the digest of their identities."
    },
    footer = {
      "",
      "Exit code: 0 all agree; 2 something differs, or a mistake; 3 bad data; 5 out of resources.",
      "",
      "Examples:",
      "  lastmile verify runs/first-1",
      "  lastmile verify runs/first-1 --json"
    })
final class VerifyCommand implements Callable<Integer> {
  private static final int DIFFERENT = 2;

  private final Console console;

  @Parameters(paramLabel = "RUN", description = "The record of a run, such as runs/first-1.")
  private Path run = Path.of("");

  @Option(names = "--json", description = "Print all of it as JSON, one line.")
  private boolean json;

  VerifyCommand(Console console) {
    this.console = console;
  }

  /** A certificate and what differs from it. */
  private record Verified(Map<?, ?> certificate, List<String> differences) {
    String text() {
      String name = "%s, epoch %s".formatted(certificate.get("dataset"), certificate.get("epoch"));
      return differences.isEmpty()
          ? "%s: verified, %s rows delivered, digest %s"
              .formatted(name, certificate.get("rows_delivered"), certificate.get("digest"))
          : name + ": differs\n  " + String.join("\n  ", differences);
    }

    Map<String, Object> tree() {
      Map<String, Object> tree = new LinkedHashMap<>();
      tree.put("dataset", certificate.get("dataset"));
      tree.put("epoch", certificate.get("epoch"));
      tree.put("same", differences.isEmpty());
      tree.put("differences", differences);
      return tree;
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    RecordedRun.Kept record = RecordedRun.kept(run);
    List<Map<?, ?>> certificates = record.certificates().stream().map(this::certificate).toList();
    if (certificates.isEmpty()) {
      throw mistake(
          "Run %s has no certificate: no epoch was taken to its end by all ranks".formatted(run));
    }
    Experiment experiment = CanonicalJson.read(record.experiment(), record.folder());
    List<Verified> verified = new ArrayList<>();
    try (JobPlan job = JobPlan.of(experiment, new TemporaryFolder())) {
      for (Map<?, ?> certificate : certificates) {
        Verified one = new Verified(certificate, Certificate.differences(job, certificate));
        verified.add(one);
        if (!json) {
          console.print(one.text());
        }
      }
    }
    if (json) {
      List<Map<String, Object>> trees = verified.stream().map(Verified::tree).toList();
      console.print(Json.write(Map.of("version", 1, "certificates", trees)));
    }
    return verified.stream().allMatch(one -> one.differences().isEmpty()) ? 0 : DIFFERENT;
  }

  private Map<?, ?> certificate(Path file) {
    try {
      if (Json.parse(Files.readString(file)) instanceof Map<?, ?> tree) {
        return tree;
      }
    } catch (IOException | IllegalArgumentException _) {
      // Told below.
    }
    throw mistake("Not a certificate: %s (the run wrote something else)".formatted(file));
  }

  private static LastmileException mistake(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }
}
