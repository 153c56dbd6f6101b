package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;

import io.lastmile.query.Conjunct.Comparison;
import io.lastmile.query.Conjunct.Constant;
import io.lastmile.query.Conjunct.Operator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConjunctsTest {
  @RegisterExtension static final EngineResource ENGINE = new EngineResource();

  private static List<Conjunct> of(String sql) {
    return Conjuncts.of(ENGINE.session(), sql);
  }

  private static @Nullable Comparison comparison(String sql) {
    List<Conjunct> conjuncts = of(sql);
    assertThat(conjuncts).hasSize(1);
    return conjuncts.getFirst().comparison();
  }

  @Test
  void whatIsJoinedByAndIsTakenApart() {
    assertThat(of("dt >= DATE '2026-01-01' AND (\"A b\" = -5 and c in (1, 2)) AND (x OR y = 1)"))
        .extracting(Conjunct::sql)
        .containsExactly(
            "dt >= CAST('2026-01-01' AS DATE)", "\"A b\" = -5", "c IN (1, 2)", "x OR (y = 1)");
    assertThat(of("a = ')' AND length(s) > 1 AND (b + 1) * (c) > 2 -- end"))
        .extracting(Conjunct::sql)
        .containsExactly("a = ')'", "length(s) > 1", "((b + 1) * c) > 2");
    assertThat(of("a AND b AND a > c"))
        .extracting(Conjunct::columns)
        .containsExactly(List.of("a"), List.of("b"), List.of("a", "c"));
  }

  @Test
  void everythingAnExpressionMaySayCanBeTakenApart() {
    assertThat(
            of(
                "1 // h = 1 AND CAST(CASE h WHEN 0 THEN '0' ELSE 'x' END AS INTEGER) = 0 AND s LIKE 'a%'"
                    + " AND x IS TRUE AND d > now_ AND i > interval 3 day AND l[1:2] = [1] AND list_has(l, 3)"))
        .hasSize(8);
  }

  @Test
  void aConditionWithoutAndIsItself() {
    assertThat(of("dt >= DATE '2026-01-01'"))
        .extracting(Conjunct::sql)
        .containsExactly("dt >= DATE '2026-01-01'");
    assertThat(of("a OR b AND c")).hasSize(1);
    assertThat(of("NOT (a AND b)")).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "x = 5 | EQUAL | 5",
        "5 < x | GREATER | 5",
        "x <= -1.5 | LESS_OR_EQUAL | -1.5",
        "1e3 >= x | LESS_OR_EQUAL | 1e3",
        "x > 2 + 3 * 4 | GREATER | 2 + (3 * 4)",
        "x = 'it''s' | EQUAL | 'it''s'",
        "x < TIMESTAMP '2024-01-01 00:00:00' | LESS | CAST('2024-01-01 00:00:00' AS TIMESTAMP)"
      })
  void aComparisonOfAColumnWithAConstant(String sql, Operator operator, String constant) {
    Comparison found = Objects.requireNonNull(comparison(sql));
    assertThat(found.column()).isEqualTo("x");
    assertThat(found.operator()).isEqualTo(operator);
    assertThat(found.constants()).containsExactly(new Constant(constant, constant.startsWith("'")));
  }

  @Test
  void comparisonsWithSeveralConstantsOrNone() {
    assertThat(comparison("\"X y\" BETWEEN 1 AND 2"))
        .isEqualTo(
            new Comparison(
                "X y",
                Operator.BETWEEN,
                List.of(new Constant("1", false), new Constant("2", false))));
    assertThat(comparison("x IN ('a', 'b')"))
        .isEqualTo(
            new Comparison(
                "x", Operator.IN, List.of(new Constant("'a'", true), new Constant("'b'", true))));
    assertThat(comparison("x IS NULL")).isEqualTo(new Comparison("x", Operator.IS_NULL, List.of()));
    assertThat(comparison("x IS NOT NULL"))
        .isEqualTo(new Comparison("x", Operator.IS_NOT_NULL, List.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x <> 5",
        "x",
        "NOT x",
        "x NOT IN (1)",
        "NOT x IS NULL",
        "x + 1 > 5",
        "x > y",
        "x = 'a' COLLATE NOCASE",
        "x COLLATE NOCASE = 'a'",
        "s.x = 1",
        "x IS DISTINCT FROM 1",
        "x BETWEEN 1 AND y",
        "x IN (1, y)",
        "x NOT BETWEEN 1 AND 2",
        "x > list_sum(list_transform([1], lambda v: v + 1))"
      })
  void anythingElseIsNone(String sql) {
    assertThat(comparison(sql)).isNull();
  }
}
