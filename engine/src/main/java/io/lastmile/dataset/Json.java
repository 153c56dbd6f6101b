package io.lastmile.dataset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * JSON text and trees of Map, List, String, Number, Boolean and null. Safe for any thread.
 *
 * <p>The text is canonical: no spaces, object keys sorted (by UTF-16 code units), whole numbers
 * exact, floating-point numbers in their shortest form and with a fraction ({@code 1.0}). Equal
 * trees have equal text.
 */
public final class Json {
  private static final JsonFactory FACTORY =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private Json() {}

  /**
   * The canonical text of a tree.
   *
   * @throws IllegalArgumentException for what JSON cannot say: NaN, an infinity, a key that is no
   *     string, a value of another class
   */
  public static String write(@Nullable Object tree) {
    StringWriter text = new StringWriter();
    try (JsonGenerator out = FACTORY.createGenerator(text)) {
      writeValue(out, tree);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  private static void writeValue(JsonGenerator out, @Nullable Object value) throws IOException {
    switch (value) {
      case null -> out.writeNull();
      case String text -> out.writeString(text);
      case Boolean truth -> out.writeBoolean(truth);
      case Long number -> out.writeNumber(number);
      case Integer number -> out.writeNumber(number);
      case BigInteger number -> out.writeNumber(number);
      case Double number -> writeFinite(out, number);
      case Map<?, ?> object -> writeObject(out, object);
      case List<?> array -> {
        out.writeStartArray();
        for (Object element : array) {
          writeValue(out, element);
        }
        out.writeEndArray();
      }
      default -> throw new IllegalArgumentException("No JSON for " + value.getClass().getName());
    }
  }

  private static void writeFinite(JsonGenerator out, double number) throws IOException {
    if (!Double.isFinite(number)) {
      throw new IllegalArgumentException("No JSON for " + number);
    }
    out.writeNumber(number);
  }

  private static void writeObject(JsonGenerator out, Map<?, ?> object) throws IOException {
    TreeMap<String, @Nullable Object> sorted = new TreeMap<>();
    for (Map.Entry<?, ?> entry : object.entrySet()) {
      if (!(entry.getKey() instanceof String key)) {
        throw new IllegalArgumentException("No JSON for the key " + entry.getKey());
      }
      sorted.put(key, entry.getValue());
    }
    out.writeStartObject();
    for (Map.Entry<String, @Nullable Object> entry : sorted.entrySet()) {
      out.writeFieldName(entry.getKey());
      writeValue(out, entry.getValue());
    }
    out.writeEndObject();
  }

  /**
   * The tree of a text: whole numbers as Long, others as Double, objects as LinkedHashMap in the
   * order of the text, arrays as List.
   *
   * @throws IllegalArgumentException when the text is not one JSON value, names a key twice, or
   *     holds a whole number beyond 64 bits or a number beyond the finite doubles
   */
  public static @Nullable Object parse(String text) {
    try (JsonParser in = FACTORY.createParser(text)) {
      if (in.nextToken() == null) {
        throw new IllegalArgumentException("Invalid JSON: nothing");
      }
      Object tree = readValue(in);
      if (in.nextToken() != null) {
        throw new IllegalArgumentException("Invalid JSON: more than one value");
      }
      return tree;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Invalid JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static @Nullable Object readValue(JsonParser in) throws IOException {
    return switch (in.currentToken()) {
      case START_OBJECT -> readObject(in);
      case START_ARRAY -> readArray(in);
      case VALUE_STRING -> in.getText();
      case VALUE_NUMBER_INT -> readWhole(in);
      case VALUE_NUMBER_FLOAT -> readFloat(in);
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case NOT_AVAILABLE, END_OBJECT, END_ARRAY, FIELD_NAME, VALUE_EMBEDDED_OBJECT ->
          throw new IllegalArgumentException("Invalid JSON: " + in.currentToken());
    };
  }

  private static Long readWhole(JsonParser in) throws IOException {
    if (in.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      throw new IllegalArgumentException("Invalid JSON: " + in.getText() + " is beyond 64 bits");
    }
    return in.getLongValue();
  }

  private static Double readFloat(JsonParser in) throws IOException {
    double number = in.getDoubleValue();
    if (!Double.isFinite(number)) {
      throw new IllegalArgumentException("Invalid JSON: " + in.getText() + " is no finite double");
    }
    return number;
  }

  private static Map<String, @Nullable Object> readObject(JsonParser in) throws IOException {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    while (in.nextToken() != JsonToken.END_OBJECT) {
      String key = in.currentName();
      in.nextToken();
      object.put(key, readValue(in));
    }
    return object;
  }

  private static List<@Nullable Object> readArray(JsonParser in) throws IOException {
    List<@Nullable Object> array = new ArrayList<>();
    while (in.nextToken() != JsonToken.END_ARRAY) {
      array.add(readValue(in));
    }
    return array;
  }
}
