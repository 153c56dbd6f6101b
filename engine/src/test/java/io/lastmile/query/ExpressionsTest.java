package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.query.Expressions.ColumnUse;
import io.lastmile.query.Expressions.Expression;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ExpressionsTest {
  @RegisterExtension static final EngineResource DUCK = new EngineResource();

  private static Expression parse(String sql) {
    return Expressions.parse(DUCK.session(), sql);
  }

  @Test
  void findsColumnsWhereTheyStand() {
    Expression expression = parse("\"b é\" * 2 + ü > \"a\"\"b\"");
    assertThat(expression.columns())
        .containsExactly(
            new ColumnUse("b é", 0, 5), new ColumnUse("ü", 12, 13), new ColumnUse("a\"b", 16, 22));
    for (ColumnUse use : expression.columns()) {
      assertThat(expression.sql().substring(use.begin(), use.end())).isNotBlank();
    }
  }

  @Test
  void findsColumnsBehindCharactersOfTwoChars() {
    assertThat(parse("'😀' = a").columns()).containsExactly(new ColumnUse("a", 7, 8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          label = 1 AND dwell_s > 10 | [label, dwell_s] | []
          CASE a WHEN 1 THEN b WHEN c THEN a END | [a, b, c, a] | []
          a BETWEEN b AND c OR d IS NOT NULL | [a, b, c, d] | []
          a IN (1, b) AND c LIKE 'x%' | [a, b, c] | []
          greatest(score, 0.01) | [score] | [greatest]
          list_transform(l, lambda x: x + a) | [l, a] | [list_transform]
          list_filter(l, x -> len(list_filter(m, y -> y = x)) > a) | [l, m, a] | [list_filter, len]
          list_reduce(l, lambda X, y: x + Y + a) | [l, a] | [list_reduce]
          [x + a for x in l if x > b] | [a, l, b] | [list_apply, list_filter, struct_pack, struct_extract]
          j -> '$.x' | [j] | []
          s.f.g = 1 | [s] | []
          l[b] | [l, b] | []
          TRY(CAST(a AS INTEGER)) | [a] | []
          extract(year FROM d) | [d] | [date_part]
          if(a, b, c) | [a, b, c] | [if]
          list_sum(l) / len(l) | [l, l] | [list_sum, len]
          a /* not b */ + 1 | [a] | []
          user | [user] | []
          "current_date" | [current_date] | []
          error(concat('no ', a)) | [a] | [error, concat]
          {'x': a} | [a] | [struct_pack]
          1 + 1 | [] | []
          """)
  void namesColumnsAndFunctions(String sql, String columns, String functions) {
    Expression expression = parse(sql);
    assertThat(expression.columns().stream().map(ColumnUse::name).toList()).hasToString(columns);
    assertThat(expression.functions()).hasToString(functions);
  }

  @Test
  void substitutes() {
    Expression expression = parse("a + s.f * \"A b\" > list_sum(list_apply(l, lambda a: a))");
    assertThat(expression.substitute(Map.of("a", "x - 1", "s", "t.s", "A b", "\"c\"")))
        .isEqualTo("(x - 1) + (t.s).f * (\"c\") > list_sum(list_apply(l, lambda a: a))");
    assertThat(expression.substitute(Map.of())).isEqualTo(expression.sql());
  }

  @Test
  void substitutesIntoWhatParenthesesCanHold() {
    String sql = "SELECT (" + parse("a -- and so on").substitute(Map.of("a", "41")) + ") + 1";
    assertThat(DUCK.value(sql)).isEqualTo(42L);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          a + | Cannot parse "a +": it ends too early
          (a | Cannot parse "(a": it ends too early
          a b | Cannot parse "a b": syntax error at or near "b" (character 3)
          é é | Cannot parse "é é": syntax error at or near "é" (character 3)
          a AS b | Cannot parse "a AS b": syntax error at or near "AS" (character 3)
          a; SELECT 1 | Cannot parse "a; SELECT 1": syntax error at or near ";" (character 2)
          `` | Cannot use "": it is empty
          -- a | Cannot use "-- a": it is empty
          a, b | Cannot use "a, b": it is more than one expression
          a, | Cannot use "a,": it is more than one expression
          a) + (b | Cannot use "a) + (b": it is not one expression
          a) FROM t; SELECT (1 | Cannot use "a) FROM t; SELECT (1": it is not one expression
          a), (b | Cannot use "a), (b": it is not one expression
          a IN (SELECT 1) | Cannot use "a IN (SELECT 1)": it contains ANY or a subquery, but sees one row (use list_contains for a list, the step join, semi_join or anti_join for a table)
          a = ANY([1, 2]) | Cannot use "a = ANY([1, 2])": it contains ANY or a subquery, but sees one row (use list_contains for a list, the step join, semi_join or anti_join for a table)
          EXISTS (FROM u) | Cannot use "EXISTS (FROM u)": it contains a subquery, but sees one row (use the step join, semi_join or anti_join)
          sum(a) OVER () | Cannot use "sum(a) OVER ()": it contains a window function, but sees one row (use the step join with a table of totals)
          max(a) | Cannot use "max(a)": max() is an aggregate, but it sees one row (use the step join with a table of totals)
          * | Cannot use "*": it contains *; name the columns
          COLUMNS(*) | Cannot use "COLUMNS(*)": it contains *; name the columns
          a = ? | Cannot use "a = ?": it contains a parameter
          a = $1 | Cannot use "a = $1": it contains a parameter
          #1 | Cannot use "#1": it contains a column by number; name it
          flor(a) | Cannot use "flor(a)": Unknown function "flor" (did you mean "floor"?)
          getenv('HOME') | Cannot use "getenv('HOME')": Unknown function "getenv"
          a.upper() | Cannot use "a.upper()": write upper(a) for a.upper()
          main.upper(a) | Cannot use "main.upper(a)": write upper(…) for main.upper()
          main.random() | Cannot use "main.random()": random() is not the same at every run (use the step sample or downsample)
          unnest(l) | Cannot use "unnest(l)": unnest() does not give one value for a row (use the step explode)
          read_csv('x') | Cannot use "read_csv('x')": read_csv() does not give one value for a row
          random() < 0.1 | Cannot use "random() < 0.1": random() is not the same at every run (use the step sample or downsample)
          a < current_date | Cannot use "a < current_date": current_date is not the same at every run (write the time as a constant)
          """)
  void refusesWithAReason(String sql, String message) {
    assertThatThrownBy(() -> parse(sql))
        .isInstanceOf(QueryException.class)
        .hasMessage(message)
        .extracting(e -> ((QueryException) e).kind())
        .isEqualTo(QueryException.Kind.PARSER);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "now()",
        "today()",
        "gen_random_uuid()",
        "uuid()",
        "nextval('s')",
        "setseed(0.1)",
        "getvariable('x')",
        "current_setting('threads')",
        "current_localtimestamp()",
        "age(ts)",
        "lastmile_kept(0)",
        "get_current_time()",
        "txid_current()"
      })
  void refusesWhatChangesBetweenRuns(String sql) {
    assertThatThrownBy(() -> parse(sql)).hasMessageContaining("() is not the same at every run");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ago(INTERVAL 1 DAY)", "pg_sleep(1)", "current_user()"})
  void refusesWhatIsNoFunctionOfARow(String sql) {
    assertThatThrownBy(() -> parse(sql))
        .hasMessageEndingWith("() does not give one value for a row");
  }

  @Test
  void showsALongExpressionInOneShortLine() {
    assertThatThrownBy(() -> parse("a\n\n  + " + "b + ".repeat(50)))
        .hasMessageMatching("Cannot parse \"a \\+ (b \\+ )+b?.{0,3}…\": it ends too early");
  }

  @Test
  void quotes() {
    assertThat(Expressions.quote("a\"b")).isEqualTo("\"a\"\"b\"");
    assertThat(Expressions.literal("it's")).isEqualTo("'it''s'");
    assertThat(DUCK.value("SELECT " + Expressions.literal("it's \\ ü"))).isEqualTo("it's \\ ü");
  }
}
