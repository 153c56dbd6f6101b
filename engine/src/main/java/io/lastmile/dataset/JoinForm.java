package io.lastmile.dataset;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How the steps with a small table are written: the table's source among the step's own keys. */
final class JoinForm {
  private static final List<Join.How> HOW = List.of(Join.How.values());
  private static final List<Join.Match> MATCH = List.of(Join.Match.values());
  private static final SmallTable.Rows NOTHING = new SmallTable.Stored(Source.Csv.of("-"));
  private static final String VALUES = "values";
  private static final String FILTER = "filter";

  private static final Fields<Join> MEMBERSHIP =
      Fields.<Join>none()
          .required("on", (join, value) -> join.on(keys(value)))
          .key(FILTER, (join, _) -> join);

  private static final Fields<Join> JOIN =
      MEMBERSHIP
          .key("select", (join, value) -> join.select(value.oneOrMore()))
          .key("prefix", (join, value) -> join.prefix(value.string()))
          .key("how", (join, value) -> join.how(value.word(HOW, Join.How::word)))
          .key("match", (join, value) -> join.match(value.word(MATCH, Join.Match::word)));

  private JoinForm() {}

  static Join join(Written value) {
    return read(value, JOIN);
  }

  static Step.SemiJoin semiJoin(Written value) {
    Join join = read(value, MEMBERSHIP);
    return new Step.SemiJoin(join.table(), join.on());
  }

  static Step.AntiJoin antiJoin(Written value) {
    Join join = read(value, MEMBERSHIP);
    return new Step.AntiJoin(join.table(), join.on());
  }

  private static Join read(Written value, Fields<Join> form) {
    SmallTable table = table(value.mapping());
    Written rest = value.keeping(key -> !SourceForm.KEYS.contains(key) && !key.equals(VALUES));
    return form.read(rest, Join.of(table, "-"));
  }

  private static SmallTable table(Written value) {
    Written source = value.keeping(SourceForm.KEYS::contains);
    SmallTable.Rows rows;
    if (value.has(VALUES)) {
      if (!source.parts().isEmpty()) {
        throw value.mistake(
            "Invalid %s: values and %s (must be only one of parquet, csv, json, arrow, values)"
                .formatted(value.label(), source.parts().getFirst().name()));
      }
      rows = value.keeping(VALUES::equals).fold(NOTHING, (_, columns) -> inline(columns));
    } else if (source.parts().isEmpty()) {
      throw value.mistake("Missing key \"parquet\" (or csv, json, arrow, values)");
    } else {
      rows = new SmallTable.Stored(SourceForm.read(source));
    }
    SmallTable all = value.within(() -> new SmallTable(rows, null));
    return value
        .keeping(FILTER::equals)
        .fold(all, (table, condition) -> table.filter(condition.expression()));
  }

  private static SmallTable.Rows inline(Written columns) {
    List<SmallTable.Column> read =
        columns.mapping().each(column -> new SmallTable.Column(column.name(), values(column)));
    return new SmallTable.Inline(read);
  }

  private static List<@Nullable Object> values(Written column) {
    List<@Nullable Object> values = new ArrayList<>();
    for (Written part : column.list().parts()) {
      values.add(column.within(part::scalar));
    }
    return values;
  }

  private static List<JoinKey> keys(Written value) {
    if (value.kind() == Written.Kind.MAPPING) {
      return value.each(part -> new JoinKey(part.name(), part.string()));
    }
    if (value.kind() != Written.Kind.TEXT && value.kind() != Written.Kind.LIST) {
      throw value.wrong("a column, a list of columns or { left: right }");
    }
    return JoinKey.of(value.oneOrMore());
  }
}
