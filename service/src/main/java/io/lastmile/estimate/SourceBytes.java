package io.lastmile.estimate;

import io.lastmile.plan.DatasetPlan;
import io.lastmile.query.Expressions;
import io.lastmile.query.Session;
import io.lastmile.source.TableFile;
import io.lastmile.split.Split;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How many bytes of a row group a dataset reads: those of its columns, compressed. */
final class SourceBytes {
  private SourceBytes() {}

  /** From the footers of their files, in the order of the row groups. */
  static double[] of(DatasetPlan plan, Session session, List<Split.Part> parts) {
    Map<Integer, Map<Long, Long>> byFile = new HashMap<>();
    double[] bytes = new double[parts.size()];
    for (int i = 0; i < bytes.length; i++) {
      Split.Part part = parts.get(i);
      bytes[i] =
          byFile
              .computeIfAbsent(part.fileOrdinal(), any -> byOrdinal(plan, session, part.file()))
              .getOrDefault((long) part.rowGroup().ordinal(), 0L);
    }
    return bytes;
  }

  private static Map<Long, Long> byOrdinal(DatasetPlan plan, Session session, TableFile file) {
    List<String> sources = plan.query().sources();
    if (sources.isEmpty()) {
      return Map.of();
    }
    // A column of lists or structs has several leaves, whose paths begin with its name.
    String read =
        sources.stream()
            .map(name -> Expressions.literal(name.toLowerCase(Locale.ROOT)))
            .map(name ->
                "lower(path_in_schema) = %s OR starts_with(lower(path_in_schema), %s || ', ')"
                    .formatted(name, name))
            .collect(Collectors.joining(" OR "));
    String sql =
        "SELECT row_group_id, CAST(sum(total_compressed_size) AS BIGINT) FROM parquet_metadata(%s)"
                .formatted(Expressions.file(file.data()))
            + " WHERE "
            + read
            + " GROUP BY row_group_id";
    Map<Long, Long> bytes = new HashMap<>();
    for (List<@Nullable Object> row : session.rows(sql)) {
      if (row.get(0) instanceof Long ordinal && row.get(1) instanceof Long sum) {
        bytes.put(ordinal, sum);
      }
    }
    return bytes;
  }
}
