package io.lastmile.dataset;

import io.lastmile.dataset.Step.Cast;
import io.lastmile.dataset.Step.Derive;
import io.lastmile.dataset.Step.Explode;
import io.lastmile.dataset.Step.Label;
import io.lastmile.dataset.Step.Rename;
import io.lastmile.dataset.Step.Truncate;
import io.lastmile.dataset.Step.Weight;
import java.util.List;
import java.util.function.Function;

/** How the steps of a dataset are written: each a mapping of its kind to what it says. */
final class StepForm {
  private static final Fields<Explode> EXPLODE =
      Fields.<Explode>none()
          .required("columns", (step, value) -> new Explode(columns(value), step.position()))
          .key("position", (step, value) -> step.position(value.string()));

  private static final Fields<Truncate> TRUNCATE =
      Fields.<Truncate>none()
          .required("columns", (step, value) -> step.columns(columns(value)))
          .key("first", (step, value) -> step.keep(value.count(), Step.End.FIRST))
          .key("last", (step, value) -> step.keep(value.count(), Step.End.LAST));

  private static final Fields<Label.Rule> LABEL =
      Fields.<Label.Rule>none()
          .required("classes", (label, value) -> label.classes(cases(value)))
          .key("else", (label, value) -> label.otherwise(value.count()));

  private static final Fields<DatasetDraft> STEP =
      Fields.<DatasetDraft>noneCalled("step")
          .key("filter", (draft, value) -> draft.filter(value.expression()))
          .key("derive", (draft, value) -> draft.step(new Derive(derived(value))))
          .key("select", (draft, value) -> draft.select(value.oneOrMore()))
          .key("drop", (draft, value) -> draft.drop(value.oneOrMore()))
          .key("rename", (draft, value) -> draft.step(new Rename(names(value))))
          .key("cast", (draft, value) -> draft.step(new Cast(types(value))))
          .key("join", (draft, value) -> draft.step(JoinForm.join(value)))
          .key("semi_join", (draft, value) -> draft.step(JoinForm.semiJoin(value)))
          .key("anti_join", (draft, value) -> draft.step(JoinForm.antiJoin(value)))
          .key("downsample", (draft, value) -> draft.step(SamplingForm.downsample(value)))
          .key("sample", (draft, value) -> draft.step(SamplingForm.sample(value)))
          .key("upsample", (draft, value) -> draft.step(SamplingForm.upsample(value)))
          .key("weight", (draft, value) -> draft.step(new Weight(factors(value))))
          .key("label", (draft, value) -> draft.step(new Label(labels(value))))
          .key("explode", (draft, value) -> draft.step(explode(value)))
          .key("truncate", (draft, value) -> draft.step(truncate(value)))
          .key("split", (draft, value) -> draft.step(SamplingForm.split(value)))
          .key("limit", (draft, value) -> draft.step(new Step.Limit(value.wholeNumber())));

  private StepForm() {}

  /** The dataset with the step that is written. */
  static DatasetDraft read(DatasetDraft draft, Written value) {
    DatasetDraft unread = draft.step(UnreadStep.of(value, STEP.readings().keySet()));
    return value.mistakes().whole(unread, () -> step(draft, value));
  }

  private static DatasetDraft step(DatasetDraft draft, Written value) {
    int kinds = value.mapping().parts().size();
    if (kinds == 0) {
      throw value.wrong("a step such as filter: \"label = 1\"");
    }
    int before = value.mistakes().failures();
    DatasetDraft more = STEP.read(value, draft);
    if (kinds > 1 && value.mistakes().failures() == before) {
      throw value.mistake(
          "Invalid "
              + value.label()
              + ": "
              + kinds
              + " steps in one (each needs a '-' of its own)");
    }
    return more;
  }

  private static List<String> columns(Written value) {
    return List.of(value.oneOrMore());
  }

  private static List<Derive.Column> derived(Written value) {
    return each(value, part -> new Derive.Column(part.name(), part.expression()));
  }

  private static List<Rename.Name> names(Written value) {
    return each(value, part -> new Rename.Name(part.name(), part.string()));
  }

  private static List<Cast.Type> types(Written value) {
    return each(value, part -> new Cast.Type(part.name(), part.string()));
  }

  private static List<Derive.Column> factors(Written value) {
    return each(value, part -> new Derive.Column(part.name(), part.formula()));
  }

  private static List<Label.Rule> labels(Written value) {
    return each(
        value,
        part ->
            part.kind() == Written.Kind.TEXT
                ? Label.Rule.of(part.name(), part.expression())
                : LABEL.read(part, Label.Rule.of(part.name(), "-")));
  }

  private static List<Label.Case> cases(Written value) {
    return each(value, part -> new Label.Case(part.name(), part.count()));
  }

  private static <E> List<E> each(Written value, Function<Written, E> reading) {
    return value.mapping().each(reading);
  }

  private static Explode explode(Written value) {
    return value.kind() == Written.Kind.MAPPING
        ? EXPLODE.read(value, new Explode(List.of("-"), null))
        : new Explode(columns(value), null);
  }

  private static Truncate truncate(Written value) {
    if (value.mapping().has("first") == value.has("last")) {
      throw value.mistake(
          "Invalid "
              + value.label()
              + ": "
              + (value.has("first") ? "first and last" : "neither first nor last")
              + " (must be one of them)");
    }
    return TRUNCATE.read(value, new Truncate(List.of("-"), 1, Step.End.FIRST));
  }
}
