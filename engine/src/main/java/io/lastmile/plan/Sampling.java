package io.lastmile.plan;

import io.lastmile.dataset.Keep;
import io.lastmile.dataset.Step;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import io.lastmile.query.ColumnType.Kind;
import io.lastmile.query.Expressions;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The SQL of sampling by hash.
 *
 * @param seed of the hash
 */
record Sampling(long seed) {
  /** The hash of a row's keys, a DOUBLE in [0, 1]. */
  Binding unit(String salt, Step.Resample resample, List<Binding> keys) {
    String sql =
        "lastmile_unit(%d, %s, CAST(%s AS BIGINT), %s)"
            .formatted(
                seed,
                Expressions.literal(salt),
                resample == Step.Resample.EACH_EPOCH ? StepCompiler.EPOCH : "NULL",
                keys.stream().map(Binding::sql).collect(Collectors.joining(", ")));
    Set<String> sources = new LinkedHashSet<>();
    keys.forEach(key -> sources.addAll(key.sources()));
    return new Binding(sql, new ColumnType.Scalar(Kind.DOUBLE), null, sources);
  }

  /** The share of a row, a DOUBLE that is at least 0; one that is the same for all is a number. */
  Binding keep(Keep keep, Checker checker, Scope scope, String element) {
    return switch (keep) {
      case Keep.Share share -> {
        if (Float.isInfinite((float) (1 / share.share()))) {
          throw LastmileException.user(
              element, "Invalid keep: " + share + " (the weight 1/keep must fit float32)");
        }
        String sql = share.share() == 1 ? "1.0" : "CAST(" + share.share() + " AS DOUBLE)";
        yield new Binding(sql, new ColumnType.Scalar(Kind.DOUBLE), null, Set.of());
      }
      case Keep.PerRow perRow -> {
        Binding value = checker.bind(perRow.expression(), scope, element);
        if (!Types.numeric(value.type())) {
          throw LastmileException.user(
              element,
              "Invalid keep: " + perRow + " is " + value.type().sql() + " (must be a number)");
        }
        yield value.derived(checked("CAST((" + value.sql() + ") AS DOUBLE)", perRow));
      }
    };
  }

  private static String checked(String share, Keep.PerRow perRow) {
    String text = "keep: " + perRow.expression() + " is ";
    return "CASE WHEN %s >= 0 AND NOT isnan(%s) THEN %s ELSE error(%s || coalesce(CAST(%s AS VARCHAR), 'NULL') || ' (must be a number >= 0)') END"
        .formatted(share, share, share, Expressions.literal(text), share);
  }

  /** The SQL of the float32 weight of a row that was drawn with its share and stayed. */
  String weight(Keep keep, Binding share) {
    return switch (keep) {
      case Keep.Share fixed -> "CAST(" + 1 / fixed.share() + " AS FLOAT)";
      case Keep.PerRow _ -> "CAST(1 / least(" + share.sql() + ", 1) AS FLOAT)";
    };
  }
}
