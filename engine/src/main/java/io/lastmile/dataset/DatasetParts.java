package io.lastmile.dataset;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The parts of a dataset, said or finished, some of which become others: what each is, {@link
 * DatasetDraft} says. Used by the method that makes the other dataset.
 */
final class DatasetParts {
  Source source;
  List<Step> steps;
  List<Tensor> tensors;
  int batch;
  @Nullable Shuffle shuffle;
  List<String> keys;
  int prefetch;
  @Nullable Integer slots;
  Dataset.OnEmpty onEmpty;
  Dataset.LastStep lastStep;
  Dataset.Certificate certificate;
  Dataset.Order order;

  DatasetParts(DatasetDraft of) {
    source = of.source();
    steps = of.steps();
    tensors = of.tensors();
    batch = of.batch();
    shuffle = of.shuffle();
    keys = of.keys();
    prefetch = of.prefetch();
    slots = of.slots();
    onEmpty = of.onEmpty();
    lastStep = of.lastStep();
    certificate = of.certificate();
    order = of.order();
  }

  DatasetDraft draft() {
    return new DatasetDraft(
        source,
        steps,
        tensors,
        batch,
        shuffle,
        keys,
        prefetch,
        slots,
        onEmpty,
        lastStep,
        certificate,
        order);
  }

  /** Of a dataset of which nothing hangs on its name any more. */
  Dataset dataset() {
    return new Dataset(
        source,
        steps,
        tensors,
        batch,
        Objects.requireNonNull(shuffle),
        keys,
        prefetch,
        Objects.requireNonNull(slots),
        onEmpty,
        lastStep,
        certificate,
        order);
  }
}
