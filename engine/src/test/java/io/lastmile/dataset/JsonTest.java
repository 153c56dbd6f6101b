package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void writesKeysSortedWithoutSpaces() {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("b", Arrays.asList(1, null, true, "x"));
    tree.put("a", Map.of());
    tree.put("B", List.of());
    tree.put("ä", null);
    assertThat(Json.write(tree))
        .isEqualTo("{\"B\":[],\"a\":{},\"b\":[1,null,true,\"x\"],\"ä\":null}");
  }

  @Test
  void writesNumbersExactlyAndShortest() {
    List<Object> numbers =
        List.of(Long.MAX_VALUE, Long.MIN_VALUE, 7, 1.0, 0.1, -0.0, 1e300, 4.9e-324, 1e7, 0.1 + 0.2);
    assertThat(Json.write(numbers))
        .isEqualTo(
            "[9223372036854775807,-9223372036854775808,7,1.0,0.1,-0.0,1.0E300,4.9E-324,1.0E7,"
                + "0.30000000000000004]");
  }

  @Test
  void writesTextAsItIs() {
    assertThat(Json.write("\"\\/\n\u0001größe 🙂")).isEqualTo("\"\\\"\\\\/\\n\\u0001größe 🙂\"");
  }

  @Test
  void parsesWhatItWrites() {
    String text = "{\"a\":[1,2.5,-3,true,false,null,\"🙂\\u0000\"],\"b\":{\"c\":{}},\"d\":1.0E300}";
    assertThat(Json.write(Json.parse(text))).isEqualTo(text);
  }

  @Test
  void parsesWholeNumbersAsLongAndOthersAsDouble() {
    assertThat(Json.parse("[1, 1.0, 1e0]")).isEqualTo(List.of(1L, 1.0, 1.0));
    assertThat(Json.parse("null")).isNull();
  }

  @Test
  void keepsTheOrderOfKeys() {
    Object tree = Json.parse("{\"b\":1,\"a\":2}");
    assertThat(tree).isInstanceOf(LinkedHashMap.class);
    assertThat(String.valueOf(tree)).isEqualTo("{b=1, a=2}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|Invalid JSON: nothing",
        "1 2|Invalid JSON: more than one value",
        "9223372036854775808|Invalid JSON: 9223372036854775808 is beyond 64 bits",
        "1e999|Invalid JSON: 1e999 is no finite double",
        "{\"a\":1,\"a\":2}|Invalid JSON: Duplicate field 'a'",
      })
  void refusesWhatIsNotOneValue(String text, String message) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "[1,", "{\"a\"}", "tru", "'a'", "NaN", "[1]]", "\"a"})
  void refusesWhatIsNoJson(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Invalid JSON: ");
  }

  @Test
  void refusesWhatJsonCannotSay() {
    assertThatThrownBy(() -> Json.write(Double.NaN)).hasMessage("No JSON for NaN");
    assertThatThrownBy(() -> Json.write(Map.of(1, 2))).hasMessage("No JSON for the key 1");
    assertThatThrownBy(() -> Json.write('x')).hasMessage("No JSON for java.lang.Character");
  }
}
