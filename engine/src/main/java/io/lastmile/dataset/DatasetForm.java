package io.lastmile.dataset;

import io.lastmile.error.FollowUpException;
import io.lastmile.error.Nearest;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How a dataset, its source, its tensors and its order are written. */
final class DatasetForm {
  private static final List<Dataset.OnEmpty> ON_EMPTY = List.of(Dataset.OnEmpty.values());

  private static final List<Dataset.LastStep> LAST_STEP = List.of(Dataset.LastStep.values());

  private static final List<Dataset.Certificate> CERTIFICATE =
      List.of(Dataset.Certificate.values());

  private static final List<Dataset.Order> ORDER = List.of(Dataset.Order.values());

  /** Where no source is read. */
  private static final Source NONE = new Source.Unread();

  private static final List<DType> DTYPES = List.of(DType.values());

  private static final List<Tensor.Layout> LAYOUTS = List.of(Tensor.Layout.values());

  private static final List<Tensor.Nulls> NULLS = List.of(Tensor.Nulls.values());

  private static final List<Tensor.Truncate> TRUNCATE = List.of(Tensor.Truncate.values());

  private static final Fields<Tensor.Hash> HASH =
      Fields.<Tensor.Hash>none()
          .required("buckets", (hash, value) -> new Tensor.Hash(value.wholeNumber(), hash.seed()))
          .key("seed", (hash, value) -> new Tensor.Hash(hash.buckets(), value.wholeNumber()));

  private static final Fields<Tensor> TENSOR =
      Fields.<Tensor>none()
          .required("columns", (tensor, value) -> tensor.columns(columns(value)))
          .key("dtype", (tensor, value) -> tensor.dtype(value.word(DTYPES, DType::word)))
          .key("fill", (tensor, value) -> tensor.fill(value.number()))
          .key("null", (tensor, value) -> tensor.nulls(value.word(NULLS, Tensor.Nulls::word)))
          .key("max_length", (tensor, value) -> tensor.maxLength(value.count()))
          .key(
              "truncate",
              (tensor, value) -> tensor.truncate(value.word(TRUNCATE, Tensor.Truncate::word)))
          .key("pad", (tensor, value) -> value.truth() ? tensor.padded() : tensor)
          .key("hash", (tensor, value) -> tensor.hash(HASH.read(value, new Tensor.Hash(1, 0))))
          .key("layout", (tensor, value) -> tensor.layout(value.word(LAYOUTS, Tensor.Layout::word)))
          .key("vocabulary", (tensor, value) -> tensor.vocabulary(value.string()));

  private static final Fields<Shuffle.RowGroups> SHUFFLE =
      Fields.<Shuffle.RowGroups>none()
          .key("row_groups", (shuffle, value) -> shuffle.rowGroups(value.count()))
          .key("within", (shuffle, value) -> shuffle.within(value.string()));

  private static final Fields<DatasetDraft> DATASET =
      Fields.<DatasetDraft>none()
          .key("source", DatasetForm::source)
          .key("mix", (draft, _) -> draft)
          .key("on_dry", DatasetForm::onDry)
          .key("steps", (draft, value) -> value.list().fold(draft, StepForm::read))
          .key("tensors", DatasetForm::tensors)
          .key("batch", (draft, value) -> draft.batch(value.count()))
          .key("shuffle", (draft, value) -> draft.shuffle(shuffle(value)))
          .key("keys", (draft, value) -> draft.keys(value.strings()))
          .key("order", (draft, value) -> draft.order(value.word(ORDER, Dataset.Order::word)))
          .key("prefetch", (draft, value) -> draft.prefetch(value.count()))
          .key("slots", (draft, value) -> draft.slots(value.count()))
          .key(
              "on_empty",
              (draft, value) -> draft.onEmpty(value.word(ON_EMPTY, Dataset.OnEmpty::word)))
          .key(
              "last_step",
              (draft, value) -> draft.lastStep(value.word(LAST_STEP, Dataset.LastStep::word)))
          .key(
              "certificate",
              (draft, value) ->
                  draft.certificate(value.word(CERTIFICATE, Dataset.Certificate::word)));

  private static final List<Mix.OnDry> ON_DRY = List.of(Mix.OnDry.values());

  private static final Fields<Mix.Part> MIXED =
      Fields.<Mix.Part>none()
          .required("dataset", (part, value) -> new Mix.Part(value.string(), part.ratio()))
          .required("ratio", (part, value) -> new Mix.Part(part.dataset(), value.number()));

  /** A part of another dataset, in the place of a source. */
  private static final Fields<Part> PART =
      Fields.<Part>none()
          .required("dataset", (part, value) -> new Part(value.string(), part.name))
          .required("part", (part, value) -> new Part(part.dataset, value.string()));

  private DatasetForm() {}

  /**
   * The dataset that is written.
   *
   * @param before the datasets above it, whose parts it may be
   * @param above names of the datasets above it, also of those with a mistake
   * @param mixed whether another is a mix of it: it needs no tensors
   */
  static DatasetDraft read(
      Written value, Map<String, Dataset> before, List<String> above, boolean mixed) {
    DatasetDraft start = DatasetDraft.from(NONE);
    List<Written> parts =
        value.mapping().parts().stream()
            .filter(field -> field.name().equals("source") && isPart(field))
            .toList();
    for (Written source : parts) {
      start = value.mistakes().orElse(start, () -> value.within(() -> part(source, before, above)));
    }
    if (value.has("mix")) {
      start = value.mistakes().orElse(start, () -> mix(value, before, above));
    }
    boolean bare = mixed && lacksTensors(value);
    boolean unread = value.has("mix") && !(start.source() instanceof Mix);
    Written said =
        value
            .keeping(key -> !bare || !key.equals("tensors"))
            .keeping(key -> !unread || !key.equals("on_dry"));
    DatasetDraft draft = DATASET.read(said, start);
    if (!value.has("mix")) {
      DATASET.need("source", value);
    }
    // A part has the tensors of its dataset, where those could be read.
    boolean inherits = !parts.isEmpty() && value.mistakes().failures() > 0;
    if (draft.tensors().isEmpty() && !bare && !inherits) {
      DATASET.need("tensors", value);
    }
    return draft;
  }

  private static boolean isPart(Written source) {
    return source.has("dataset") || source.has("part");
  }

  private static boolean lacksTensors(Written value) {
    return value.parts().stream()
        .noneMatch(field -> field.name().equals("tensors") && !field.parts().isEmpty());
  }

  private static DatasetDraft mix(Written value, Map<String, Dataset> before, List<String> above) {
    int failures = value.mistakes().failures();
    List<Mix.Part> parts =
        value
            .keeping("mix"::equals)
            .fold(
                List.of(),
                (_, list) ->
                    list.list().each(part -> MIXED.read(part, new Mix.Part("dataset", 0.5))));
    if (value.mistakes().failures() > failures || isUnread(parts, before, above)) {
      throw new FollowUpException();
    }
    return value.within(() -> {
      Mix mix = new Mix(parts, Mix.OnDry.STOP);
      mix.check(before);
      return DatasetDraft.from(mix);
    });
  }

  /** Whether one of the datasets has a mistake itself. */
  private static boolean isUnread(
      List<Mix.Part> parts, Map<String, Dataset> before, List<String> above) {
    return parts.stream()
        .map(Mix.Part::dataset)
        .anyMatch(name -> above.contains(name) && !before.containsKey(name));
  }

  private static DatasetDraft onDry(DatasetDraft draft, Written value) {
    return draft.onDry(value.word(ON_DRY, Mix.OnDry::word));
  }

  private static DatasetDraft source(DatasetDraft draft, Written value) {
    if (draft.source() instanceof Mix) {
      throw value.mistake("Invalid source: beside a mix (must be only one of source, mix)");
    }
    return isPart(value) ? draft : draft.source(SourceForm.read(value));
  }

  private static DatasetDraft part(
      Written source, Map<String, Dataset> before, List<String> above) {
    int failures = source.mistakes().failures();
    Part part = PART.read(source, new Part("-", "-"));
    Dataset dataset = before.get(part.dataset);
    if (source.mistakes().failures() > failures || isUnread(part, dataset, above)) {
      throw new FollowUpException();
    }
    if (dataset == null) {
      throw Mix.unknown("dataset", part.dataset, before.keySet()).under(source.name());
    }
    return source.within(() -> DatasetDraft.of(dataset).part(part.name));
  }

  /** Whether the dataset, or its split, has a mistake itself. */
  private static boolean isUnread(Part part, @Nullable Dataset dataset, List<String> above) {
    if (dataset == null) {
      return above.contains(part.dataset);
    }
    return dataset.steps().stream().anyMatch(DatasetForm::mayBeSplit)
        && dataset.steps().stream().noneMatch(Step.Split.class::isInstance);
  }

  private static boolean mayBeSplit(Step step) {
    return step instanceof Step.Unread(String kind, List<String> _)
        && (kind.isEmpty() || kind.equals("split"));
  }

  private record Part(String dataset, String name) {}

  private static DatasetDraft tensors(DatasetDraft draft, Written value) {
    if (value.mapping().parts().isEmpty()) {
      throw DatasetDraft.noTensors();
    }
    return value.fold(draft.withoutTensors(), DatasetForm::tensor);
  }

  private static DatasetDraft tensor(DatasetDraft draft, Written value) {
    return value.mistakes().whole(draft, () -> draft.tensor(read(value)));
  }

  private static Tensor read(Written value) {
    int before = value.mistakes().failures();
    Tensor tensor = TENSOR.read(value, Tensor.of(value.name(), List.of("-")));
    return value.mistakes().failures() == before ? value.within(tensor::complete) : tensor;
  }

  private static Tensor.Columns columns(Written value) {
    return value.kind() == Written.Kind.TEXT
        ? Tensor.Columns.of(value.text())
        : new Tensor.Columns.Many(List.of(value.oneOrMore()));
  }

  private static Shuffle shuffle(Written value) {
    if (value.kind() == Written.Kind.TEXT && Nearest.of(value.text(), List.of("none")) != null) {
      return value.word(List.of(Shuffle.none()), _ -> "none");
    }
    if (value.kind() != Written.Kind.MAPPING || value.parts().isEmpty()) {
      throw value.wrong("none, { row_groups: n } or { within: PARTITION }");
    }
    return SHUFFLE.read(value, Shuffle.rowGroups(Shuffle.RowGroups.DEFAULT_COUNT));
  }
}
