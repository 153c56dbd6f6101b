package io.lastmile.dataset;

import io.lastmile.error.FollowUpException;
import io.lastmile.error.LastmileException;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** How the source of a table is written: its format with its paths, and what goes with it. */
final class SourceForm {
  /** The keys of a source, also where it is written among others. */
  static final Set<String> KEYS = Set.of("parquet", "csv", "json", "arrow", "on_corrupt", "schema");

  private static final List<Source.OnCorrupt> ON_CORRUPT = List.of(Source.OnCorrupt.values());
  private static final List<Source.Schema> SCHEMA = List.of(Source.Schema.values());

  private static final Fields<SourceForm> SOURCE =
      Fields.<SourceForm>none()
          .key("parquet", SourceForm::format)
          .key("csv", SourceForm::format)
          .key("json", SourceForm::format)
          .key("arrow", SourceForm::format)
          .key(
              "on_corrupt",
              (form, value) ->
                  new SourceForm(
                      form.format, value.word(ON_CORRUPT, Source.OnCorrupt::word), form.schema))
          .key(
              "schema",
              (form, value) ->
                  new SourceForm(
                      form.format, form.onCorrupt, value.word(SCHEMA, Source.Schema::word)))
          .later("partitions", "root");

  private final Source.@Nullable Files format;
  private final Source.@Nullable OnCorrupt onCorrupt;
  private final Source.@Nullable Schema schema;

  private SourceForm(
      Source.@Nullable Files format,
      Source.@Nullable OnCorrupt onCorrupt,
      Source.@Nullable Schema schema) {
    this.format = format;
    this.onCorrupt = onCorrupt;
    this.schema = schema;
  }

  /** The source that a mapping says: exactly one format. */
  static Source.Files read(Written value) {
    int before = value.mistakes().failures();
    SourceForm form = SOURCE.read(value, new SourceForm(null, null, null));
    if (form.format == null) {
      if (value.mistakes().failures() > before) {
        throw new FollowUpException();
      }
      throw value.mistake("Missing key \"parquet\" (or csv, json, arrow)");
    }
    Source.Files format = form.format;
    return value.within(() -> form.refined(format));
  }

  private static SourceForm format(SourceForm form, Written value) {
    if (form.format != null) {
      throw value.mistake(
          "Invalid source: %s and %s (must be only one of parquet, csv, json, arrow)"
              .formatted(form.format.kind(), value.name()));
    }
    List<String> paths = List.of(value.oneOrMore());
    Source.Files format =
        switch (value.name()) {
          case "parquet" -> Source.Parquet.of(paths.toArray(String[]::new));
          case "csv" -> new Source.Csv(paths);
          case "json" -> new Source.JsonLines(paths);
          default -> new Source.Arrow(paths);
        };
    return new SourceForm(format, form.onCorrupt, form.schema);
  }

  private Source.Files refined(Source.Files source) {
    if (source instanceof Source.Parquet parquet) {
      return parquet
          .onCorrupt(onCorrupt == null ? parquet.onCorrupt() : onCorrupt)
          .schema(schema == null ? parquet.schema() : schema);
    }
    if (onCorrupt != null || schema != null) {
      String key = onCorrupt == null ? "schema" : "on_corrupt";
      throw LastmileException.user(
          key, "Invalid %s: only for parquet (the source is %s)".formatted(key, source.kind()));
    }
    return source;
  }
}
