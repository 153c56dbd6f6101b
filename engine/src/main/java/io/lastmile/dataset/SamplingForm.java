package io.lastmile.dataset;

import io.lastmile.dataset.Step.Sample;
import io.lastmile.dataset.Step.Split;
import io.lastmile.dataset.Step.Upsample;
import java.util.List;

/** How the steps that choose rows by a hash, or repeat them, are written. */
final class SamplingForm {
  private static final List<Step.Resample> RESAMPLE = List.of(Step.Resample.values());

  private static final Fields<Downsample> DOWNSAMPLE =
      Fields.<Downsample>none()
          .key("where", (step, value) -> step.where(value.expression()))
          .required("keep", SamplingForm::keep)
          .key("by", (step, value) -> step.by(value.oneOrMore()))
          .key("weight", (step, value) -> step.weight(value.string()))
          .key("salt", (step, value) -> step.salt(value.string()))
          .key("resample", (step, value) -> step.resample(resample(value)));

  private static final Fields<Sample> SAMPLE =
      Fields.<Sample>none()
          .required("keep", (step, value) -> step.keep(value.number()))
          .key("by", (step, value) -> step.by(value.oneOrMore()))
          .key("salt", (step, value) -> step.salt(value.string()))
          .key("resample", (step, value) -> step.resample(resample(value)));

  private static final Fields<Upsample> UPSAMPLE =
      Fields.<Upsample>none()
          .key("where", (step, value) -> step.where(value.expression()))
          .required("repeat", (step, value) -> step.repeat(value.count()))
          .key("copy", (step, value) -> step.copy(value.string()));

  private static final Fields<Split> SPLIT =
      Fields.<Split>none()
          .key("by", (step, value) -> step.by(value.oneOrMore()))
          .required("parts", (step, value) -> step.parts(parts(value)))
          .key("part", (step, value) -> step.part(value.string()))
          .key("salt", (step, value) -> step.salt(value.string()));

  private SamplingForm() {}

  static Downsample downsample(Written value) {
    return DOWNSAMPLE.read(value, Downsample.keeping(1));
  }

  /** A sample: its share alone, or what it says. */
  static Sample sample(Written value) {
    boolean share =
        value.kind() == Written.Kind.NUMBER || value.kind() == Written.Kind.WHOLE_NUMBER;
    return share
        ? value.within(() -> Sample.keeping(value.number()))
        : SAMPLE.read(value, Sample.keeping(1));
  }

  static Upsample upsample(Written value) {
    return UPSAMPLE.read(value, new Upsample(null, 1, null));
  }

  static Split split(Written value) {
    return SPLIT.read(value, Split.into(new Split.Part("-", 1)));
  }

  private static Downsample keep(Downsample step, Written value) {
    return value.kind() == Written.Kind.TEXT
        ? step.keep(value.expression())
        : step.keep(value.number());
  }

  private static Step.Resample resample(Written value) {
    return value.word(RESAMPLE, Step.Resample::word);
  }

  private static List<Split.Part> parts(Written value) {
    return value.mapping().each(part -> new Split.Part(part.name(), part.number()));
  }
}
