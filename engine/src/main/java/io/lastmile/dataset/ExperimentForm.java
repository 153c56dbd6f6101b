package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How an experiment, its training and its cluster are written. */
final class ExperimentForm {
  private static final double MOST_SECONDS = 1e9;

  private static final Fields<Training> TRAINING =
      Fields.<Training>none()
          .required("script", (training, value) -> training.script(value.string()))
          .key("args", (training, value) -> training.args(value.arguments()))
          .key("ranks", (training, value) -> training.ranks(value.count()))
          .key("restarts", (training, value) -> training.restarts(value.count()))
          .key("stall_timeout", (training, value) -> training.stallTimeout(span(value)));

  private static final Fields<Workers> WORKERS =
      Fields.<Workers>none()
          .key("min", (workers, value) -> workers.min(value.count()))
          .key("max", (workers, value) -> workers.max(value.count()))
          .key("cpu", (workers, value) -> value.only(1, workers))
          .key("memory", (workers, value) -> workers.memory(bytes(value)))
          .key("split_timeout", (workers, value) -> workers.splitTimeout(span(value)))
          .later("gpu");

  private static final Fields<Cluster> TRAINERS =
      Fields.<Cluster>none()
          .key("gpu", (cluster, value) -> value.only(0, cluster))
          .key("cpu", (cluster, value) -> value.only(1, cluster))
          .later("memory");

  private static final Fields<Cluster> CLUSTER =
      Fields.<Cluster>none()
          .key("kind", ExperimentForm::kind)
          .key("workers", ExperimentForm::workers)
          .key("trainers", (cluster, value) -> TRAINERS.read(value, cluster));

  private static final Fields<ExperimentDraft> EXPERIMENT =
      Fields.<ExperimentDraft>none()
          .required("name", (draft, value) -> draft.name(value.string()))
          .key("seed", (draft, value) -> draft.seed(value.wholeNumber()))
          .required("datasets", ExperimentForm::datasets)
          .key("train", ExperimentForm::train)
          .key("cluster", (draft, value) -> draft.cluster(CLUSTER.read(value, Cluster.local())));

  private ExperimentForm() {}

  /**
   * The experiment.
   *
   * @throws LastmileException of kind USER: the first mistake in the order of the file, at its
   *     element; where mistakes are kept, the experiment is what the rest says
   */
  static Experiment read(Written root, Origin origin) {
    return EXPERIMENT.read(root, Experiment.named("experiment").origin(origin)).experiment();
  }

  private static ExperimentDraft datasets(ExperimentDraft draft, Written value) {
    if (value.mapping().parts().isEmpty()) {
      throw ExperimentDraft.noDatasets();
    }
    return value.fold(draft, (some, dataset) -> dataset(some, dataset, value));
  }

  private static ExperimentDraft dataset(ExperimentDraft draft, Written value, Written all) {
    List<String> above =
        all.parts().stream()
            .map(Written::name)
            .takeWhile(name -> !name.equals(value.name()))
            .toList();
    DatasetDraft dataset =
        DatasetForm.read(value, draft.datasets(), above, isMixed(value.name(), all));
    Dataset built = value.within(() -> dataset.build(value.name(), value.mistakes()));
    return draft.dataset(value.name(), built);
  }

  /** Whether a dataset is named in a mix. */
  private static boolean isMixed(String name, Written datasets) {
    return datasets.parts().stream()
        .flatMap(dataset -> dataset.parts().stream())
        .filter(field -> field.name().equals("mix"))
        .flatMap(mix -> mix.parts().stream())
        .flatMap(part -> part.parts().stream())
        .anyMatch(field ->
            field.name().equals("dataset")
                && field.kind() == Written.Kind.TEXT
                && field.text().equals(name));
  }

  private static ExperimentDraft train(ExperimentDraft draft, Written value) {
    int before = value.mistakes().failures();
    String none = "-";
    Training training = TRAINING.read(value, Training.of(none));
    return training.script().equals(none) && value.mistakes().failures() > before
        ? draft
        : draft.train(training);
  }

  private static Cluster kind(Cluster cluster, Written value) {
    return value.word(List.of(cluster), _ -> "local", "processes", "kubernetes");
  }

  private static Cluster workers(Cluster cluster, Written value) {
    Workers start = new Workers(null, cluster);
    int before = value.mistakes().failures();
    Workers workers = WORKERS.read(value, start);
    Integer min = workers.min;
    if (value.mistakes().failures() == before && min != null && min != 1 && min != workers.max()) {
      String message = "min: " + min + " is not supported yet (must be 1 or max: " + workers.max();
      throw LastmileException.user("min", message + ")").under(value.name());
    }
    return workers.cluster;
  }

  /**
   * The workers as they are written. The threads of one machine all start at once, whatever min.
   */
  private record Workers(@Nullable Integer min, Cluster cluster) {
    Workers min(int count) {
      Checks.positive("min", count);
      return new Workers(count, cluster);
    }

    int max() {
      return cluster.workers();
    }

    Workers max(int count) {
      Checks.positive("max", count);
      return new Workers(min, cluster.workers(count));
    }

    Workers memory(long bytes) {
      Checks.positive("memory", bytes);
      return new Workers(min, cluster.workerMemory(bytes));
    }

    Workers splitTimeout(Duration span) {
      TimeSpan.checkPositive("split_timeout", span);
      return new Workers(min, cluster.splitTimeout(span));
    }
  }

  private static Duration span(Written value) {
    return switch (value.kind()) {
      case WHOLE_NUMBER, NUMBER -> seconds(value);
      case TEXT -> TimeSpan.parse(value.name(), value.text());
      case TRUTH, NOTHING, LIST, MAPPING -> throw value.wrong(TimeSpan.WANTED);
    };
  }

  private static Duration seconds(Written value) {
    double seconds = value.number();
    if (seconds >= MOST_SECONDS) {
      throw value.wrong(TimeSpan.WANTED);
    }
    return Duration.ofMillis(Math.round(seconds * 1e3));
  }

  private static long bytes(Written value) {
    return switch (value.kind()) {
      case WHOLE_NUMBER -> value.wholeNumber();
      case TEXT -> ByteSize.parse(value.name(), value.text());
      case NUMBER, TRUTH, NOTHING, LIST, MAPPING ->
          throw value.wrong("a size such as 512MiB or 2GiB");
    };
  }
}
