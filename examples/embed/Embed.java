import io.lastmile.Lastmile;
import io.lastmile.Run;
import io.lastmile.dataset.DType;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.DatasetDraft;
import io.lastmile.dataset.Experiment;
import io.lastmile.feed.DatasetProgress;
import io.lastmile.feed.EpochProgress;
import io.lastmile.run.Summary;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A program of one's own that says in Java what the data is and has a PyTorch script trained on it.
 * Its arguments: the folder that {@code lastmile generate} wrote, and the folder with {@code
 * train.py}.
 */
public final class Embed {
  private Embed() {}

  public static void main(String[] args) throws InterruptedException {
    Path tables = Path.of(args[0]).toAbsolutePath();
    Run run = Lastmile.launch(experiment(tables, Path.of(args[1]).toAbsolutePath()));
    Summary summary = run.await(Duration.ofSeconds(1));
    while (summary == null) {
      run.progress().datasets().forEach(Embed::show);
      summary = run.await(Duration.ofSeconds(1));
    }
    System.out.printf(
        "%s after %.1f s, record in %s%n", summary.exit().kind(), summary.seconds(), run.record());
    System.exit(summary.exit().code());
  }

  private static void show(String name, DatasetProgress progress) {
    long rows = progress.epochs().stream().mapToLong(EpochProgress::rowsDelivered).sum();
    System.out.printf("%s: %,d rows delivered%n", name, rows);
  }

  /** Real users only, and a tenth of what they passed over, with weights that make up for it. */
  static Experiment experiment(Path tables, Path folder) {
    DatasetDraft impressions =
        Dataset.parquet(tables + "/impressions/*.parquet")
            .antiJoin(tables + "/spam_users.parquet", "user_id")
            .downsample(0.1, sampling -> sampling.where("label = 0").weight("weight"))
            .derive("engaged", "label = 1 AND dwell_s > 10")
            .tensor("dense", "dense_*", tensor -> tensor.dtype(DType.FLOAT32).fill(0))
            .tensor("engaged", "engaged", tensor -> tensor.dtype(DType.FLOAT32))
            .tensor("weight", "weight")
            .batch(1024);
    return Experiment.named("embed")
        .seed(42)
        .in(folder)
        .dataset("train", impressions)
        .train("train.py", training -> training.ranks(2))
        .workers(2)
        .build();
  }
}
