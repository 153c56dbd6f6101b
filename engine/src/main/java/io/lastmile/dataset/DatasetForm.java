package io.lastmile.dataset;

import java.util.List;

/** How a dataset, its source, its tensors and its order are written. */
final class DatasetForm {
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
          .required("source", (draft, value) -> draft.source(SourceForm.read(value)))
          .key("steps", (draft, value) -> value.list().fold(draft, StepForm::read))
          .required("tensors", (draft, value) -> value.mapping().fold(draft, DatasetForm::tensor))
          .key("batch", (draft, value) -> draft.batch(value.count()))
          .key("shuffle", (draft, value) -> draft.shuffle(shuffle(value)))
          .key("keys", (draft, value) -> draft.keys(value.strings()))
          .key("order", DatasetForm::order)
          .key("prefetch", (draft, value) -> draft.prefetch(value.count()))
          .key("slots", (draft, value) -> draft.slots(value.count()))
          .later("split", "part", "mix", "limit", "certificate");

  private DatasetForm() {}

  static DatasetDraft read(Written value) {
    return DATASET.read(value, Dataset.parquet("-"));
  }

  private static DatasetDraft tensor(DatasetDraft draft, Written value) {
    return draft.tensor(TENSOR.read(value, Tensor.of(value.name(), List.of("-"))));
  }

  private static Tensor.Columns columns(Written value) {
    return value.kind() == Written.Kind.TEXT
        ? Tensor.Columns.of(value.text())
        : new Tensor.Columns.Many(List.of(value.oneOrMore()));
  }

  private static Shuffle shuffle(Written value) {
    if (value.kind() == Written.Kind.TEXT) {
      return value.word(List.of(Shuffle.none()), _ -> "none");
    }
    if (value.kind() != Written.Kind.MAPPING || value.parts().isEmpty()) {
      throw value.wrong("none, { row_groups: n } or { within: PARTITION }");
    }
    return SHUFFLE.read(value, Shuffle.rowGroups(Shuffle.RowGroups.DEFAULT_COUNT));
  }

  private static DatasetDraft order(DatasetDraft draft, Written value) {
    return value.word(List.of(draft), _ -> "deterministic", "arrival");
  }
}
