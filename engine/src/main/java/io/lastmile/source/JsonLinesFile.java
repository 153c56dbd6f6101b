package io.lastmile.source;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.lastmile.error.LastmileException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.jspecify.annotations.Nullable;

/**
 * A check of files with one JSON object a line: the engine's own miscounts the lines, and lets
 * numbers become infinite.
 */
final class JsonLinesFile {
  private static final int SHOWN = 80;

  /** Levels of lists and objects; the engine's end is at 128. */
  private static final int MOST_LEVELS = 100;

  /** Bytes of a line, a little less than the engine's buffers have room for. */
  private static final int MOST_BYTES = 16_000_000;

  private static final String ONE_OBJECT = "each line must be one JSON object";

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private JsonLinesFile() {}

  /** What is wrong with a line, and what to do about it. */
  private record Mistake(String what, String remedy) {}

  /**
   * Reads a file once.
   *
   * @return its objects; empty lines are none
   * @throws LastmileException of kind USER that names the file, the line and its text
   */
  static long rows(FoundFile file, String element) throws IOException {
    long rows = 0;
    long number = 0;
    try (BufferedReader in = Files.newBufferedReader(file.path())) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        if (!line.isBlank()) {
          check(line, number, file, element);
          rows++;
        }
      }
    } catch (CharacterCodingException e) {
      throw LastmileException.user(
          element,
          "\"%s\", behind line %d: not UTF-8 (write the file in UTF-8)"
              .formatted(file.shown(), number));
    }
    return rows;
  }

  private static void check(String line, long number, FoundFile file, String element)
      throws IOException {
    Mistake mistake;
    try (JsonParser json = JSON.createParser(line)) {
      mistake =
          isLong(line)
              ? new Mistake("more than 16 MB", "convert the file to Parquet")
              : mistake(json);
    } catch (JsonProcessingException e) {
      mistake = new Mistake("no JSON (" + text(e) + ")", ONE_OBJECT);
    }
    if (mistake != null) {
      throw LastmileException.user(
          element,
          "\"%s\", line %d: %s: %s (%s)"
              .formatted(
                  file.shown(), number, mistake.what(), shown(line).strip(), mistake.remedy()));
    }
  }

  private static boolean isLong(String line) {
    return line.length() > MOST_BYTES / 3
        && line.getBytes(StandardCharsets.UTF_8).length > MOST_BYTES;
  }

  /** What is wrong with the only value of a line; null: nothing. */
  private static @Nullable Mistake mistake(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      return new Mistake("no JSON object", ONE_OBJECT);
    }
    int levels = 1;
    while (levels > 0) {
      JsonToken token = json.nextToken();
      levels += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      Mistake mistake =
          levels > MOST_LEVELS
              ? new Mistake("more than %d levels".formatted(MOST_LEVELS), "write it flatter")
              : mistake(token, json);
      if (mistake != null) {
        return mistake;
      }
    }
    return json.nextToken() == null ? null : new Mistake("more than one value", ONE_OBJECT);
  }

  private static @Nullable Mistake mistake(JsonToken token, JsonParser json) throws IOException {
    return switch (token) {
      case FIELD_NAME -> ofName(json.currentName());
      case VALUE_STRING ->
          hasHalfPair(json.getText())
              ? new Mistake("half a surrogate pair", "write both halves, or the character in UTF-8")
              : null;
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          Double.isInfinite(json.getDoubleValue())
              ? new Mistake(
                  "the number %s is beyond DOUBLE".formatted(shown(json.getText())),
                  "write it as a string, or null")
              : null;
      default -> null;
    };
  }

  private static @Nullable Mistake ofName(String name) {
    if (name.isEmpty()) {
      return new Mistake("a key has no name", "name all keys");
    }
    return name.indexOf('\0') < 0 ? null : new Mistake("a key has a NUL", "give it another name");
  }

  /** Whether a text has a half of a character beyond 16 bits, which UTF-8 cannot write. */
  private static boolean hasHalfPair(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (!Character.isSupplementaryCodePoint(text.codePointAt(i))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }

  /** The parser's text without the switches of its own, which nobody can use here. */
  private static String text(JsonProcessingException e) {
    return e.getOriginalMessage()
        .split("\n", 2)[0]
        .replaceFirst(": (enable `|maybe a \\(non-standard\\) comment).*", "")
        .replaceFirst(", from `[^`]*`", "");
  }

  private static String shown(String text) {
    return text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
  }
}
