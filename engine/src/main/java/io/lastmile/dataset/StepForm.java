package io.lastmile.dataset;

import io.lastmile.dataset.Step.AntiJoin;
import io.lastmile.dataset.Step.Derive;
import io.lastmile.dataset.Step.Downsample;
import java.util.ArrayList;
import java.util.List;

/** How the steps of a dataset are written: each a mapping of its kind to what it says. */
final class StepForm {
  private static final Fields<Downsample> DOWNSAMPLE =
      Fields.<Downsample>none()
          .key("where", (step, value) -> step.where(value.expression()))
          .required("keep", StepForm::keep)
          .key("by", (step, value) -> step.by(value.oneOrMore()))
          .key("weight", (step, value) -> step.weight(value.string()))
          .key("salt", (step, value) -> step.salt(value.string()))
          .key(
              "resample",
              (step, value) ->
                  step.resample(value.word(List.of(Step.Resample.values()), Step.Resample::word)));

  private static final Fields<WrittenJoin> ANTI_JOIN =
      Fields.<WrittenJoin>none()
          .required("parquet", (join, value) -> join.table(value.oneOrMore()))
          .required("on", (join, value) -> join.on(keys(value)))
          .later("csv", "json", "arrow", "values", "filter", "on_corrupt", "schema");

  private static final Fields<DatasetDraft> STEP =
      Fields.<DatasetDraft>none()
          .key("filter", (draft, value) -> draft.filter(value.expression()))
          .key("derive", (draft, value) -> draft.step(new Derive(derived(value))))
          .key("select", (draft, value) -> draft.select(value.oneOrMore()))
          .key("drop", (draft, value) -> draft.drop(value.oneOrMore()))
          .key("anti_join", (draft, value) -> draft.step(antiJoin(value)))
          .key(
              "downsample",
              (draft, value) -> draft.step(DOWNSAMPLE.read(value, Downsample.keeping(1))))
          .later(
              "join",
              "semi_join",
              "sample",
              "upsample",
              "weight",
              "label",
              "explode",
              "truncate",
              "limit",
              "split",
              "mix",
              "rename",
              "cast");

  private StepForm() {}

  /** The dataset with the step that is written. */
  static DatasetDraft read(DatasetDraft draft, Written value) {
    int kinds = value.mapping().parts().size();
    if (kinds == 0) {
      throw value.wrong("a step such as filter: \"label = 1\"");
    }
    DatasetDraft more = STEP.read(value, draft);
    if (kinds > 1) {
      throw value.mistake(
          "Invalid "
              + value.label()
              + ": "
              + kinds
              + " steps in one (each needs a '-' of its own)");
    }
    return more;
  }

  private static Downsample keep(Downsample step, Written value) {
    if (value.kind() == Written.Kind.TEXT) {
      throw value.mistake("keep as an expression is not supported yet");
    }
    return step.keep(value.number());
  }

  private static List<Derive.Column> derived(Written value) {
    return value
        .mapping()
        .fold(
            List.of(),
            (all, part) -> Written.plus(all, new Derive.Column(part.name(), part.expression())));
  }

  private static AntiJoin antiJoin(Written value) {
    WrittenJoin join = ANTI_JOIN.read(value, new WrittenJoin(Source.Parquet.of("-"), List.of()));
    return value.within(() -> new AntiJoin(join.table, join.on));
  }

  private static List<AntiJoin.Key> keys(Written value) {
    if (value.kind() == Written.Kind.MAPPING) {
      return value.fold(
          List.of(),
          (all, part) -> Written.plus(all, new AntiJoin.Key(part.name(), part.string())));
    }
    if (value.kind() != Written.Kind.TEXT && value.kind() != Written.Kind.LIST) {
      throw value.wrong("a column, a list of columns or { left: right }");
    }
    List<AntiJoin.Key> keys = new ArrayList<>();
    for (String column : value.oneOrMore()) {
      keys.add(new AntiJoin.Key(column, column));
    }
    return keys;
  }

  private record WrittenJoin(Source.Parquet table, List<AntiJoin.Key> on) {
    WrittenJoin table(String... paths) {
      return new WrittenJoin(Source.Parquet.of(paths), on);
    }

    WrittenJoin on(List<AntiJoin.Key> keys) {
      return new WrittenJoin(table, keys);
    }
  }
}
