package io.lastmile.source;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonParser.NumberType;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.lastmile.error.LastmileException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a file with one JSON object a line holds: the engine's own reader miscounts the lines, lets
 * numbers become infinite, and rounds large whole ones.
 *
 * @param rows objects; empty lines are none
 * @param large the first whole number beyond 64 bits with sign, by the keys that lead to it
 * @param fractions the keys that lead to numbers that are not whole
 */
record JsonLinesFile(long rows, Map<String, Large> large, Set<String> fractions) {
  /** Between the keys that lead to a value; no key has it. */
  private static final char WITHIN = '\0';

  JsonLinesFile {
    large = Collections.unmodifiableMap(new LinkedHashMap<>(large));
    fractions = Set.copyOf(fractions);
  }

  /**
   * A whole number that BIGINT does not hold.
   *
   * @param line from 1
   */
  record Large(long line, String number) {}

  /**
   * Reads a file once.
   *
   * @throws LastmileException of kind USER that names the file, the line and its text
   */
  static JsonLinesFile read(FoundFile file, String element) throws IOException {
    return new Reader(file, element).read();
  }

  /** The keys that lead to a value, for a message. */
  static String shown(String keys) {
    return keys.replace(WITHIN, '.');
  }

  /** What is wrong with a line, and what to do about it. */
  private record Mistake(String what, String remedy) {}

  /** One pass over a file. */
  private static final class Reader {
    private static final int SHOWN = 80;

    /** Levels of lists and objects; the engine's end is at 128. */
    private static final int MOST_LEVELS = 100;

    /** Bytes of a line, a little less than the engine's buffers have room for. */
    private static final int MOST_BYTES = 16_000_000;

    private static final String ONE_OBJECT = "each line must be one JSON object";

    private static final JsonFactory JSON =
        JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final FoundFile file;
    private final String element;
    private final Map<String, Large> large = new LinkedHashMap<>();
    private final Set<String> fractions = new HashSet<>();
    private long line;

    /** The keys that lead to each list or object that is open, and to the value that is read. */
    private final Deque<String> open = new ArrayDeque<>();

    private String keys = "";

    Reader(FoundFile file, String element) {
      this.file = file;
      this.element = element;
    }

    JsonLinesFile read() throws IOException {
      long rows = 0;
      try (BufferedReader in = Files.newBufferedReader(file.path())) {
        for (String text = in.readLine(); text != null; text = in.readLine()) {
          line++;
          if (!text.isBlank()) {
            check(text);
            rows++;
          }
        }
      } catch (CharacterCodingException e) {
        throw LastmileException.user(
            element,
            "\"%s\", behind line %d: not UTF-8 (write the file in UTF-8)"
                .formatted(file.shown(), line));
      }
      return new JsonLinesFile(rows, large, fractions);
    }

    private void check(String text) throws IOException {
      Mistake mistake;
      try (JsonParser json = JSON.createParser(text)) {
        mistake =
            isLong(text)
                ? new Mistake("more than 16 MB", "convert the file to Parquet")
                : mistake(json);
      } catch (JsonProcessingException e) {
        mistake = new Mistake("no JSON (" + said(e) + ")", ONE_OBJECT);
      }
      if (mistake != null) {
        throw LastmileException.user(
            element,
            "\"%s\", line %d: %s: %s (%s)"
                .formatted(
                    file.shown(), line, mistake.what(), start(text).strip(), mistake.remedy()));
      }
    }

    private static boolean isLong(String text) {
      return text.length() > MOST_BYTES / 3
          && text.getBytes(StandardCharsets.UTF_8).length > MOST_BYTES;
    }

    /** What is wrong with the only value of a line; null: nothing. */
    private @Nullable Mistake mistake(JsonParser json) throws IOException {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return new Mistake("no JSON object", ONE_OBJECT);
      }
      open.clear();
      open.push("");
      while (!open.isEmpty()) {
        Mistake mistake = mistake(json.nextToken(), json);
        if (mistake != null) {
          return mistake;
        }
      }
      return json.nextToken() == null ? null : new Mistake("more than one value", ONE_OBJECT);
    }

    private @Nullable Mistake mistake(JsonToken token, JsonParser json) throws IOException {
      return switch (token) {
        case START_OBJECT, START_ARRAY -> begin();
        case END_OBJECT, END_ARRAY -> {
          keys = open.pop();
          yield null;
        }
        case FIELD_NAME -> name(json.currentName());
        case VALUE_STRING ->
            hasHalfPair(json.getText())
                ? new Mistake(
                    "half a surrogate pair", "write both halves, or the character in UTF-8")
                : null;
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(token, json);
        default -> null;
      };
    }

    private @Nullable Mistake begin() {
      open.push(keys);
      return open.size() > MOST_LEVELS
          ? new Mistake("more than %d levels".formatted(MOST_LEVELS), "write it flatter")
          : null;
    }

    private @Nullable Mistake name(String name) {
      if (name.isEmpty()) {
        return new Mistake("a key has no name", "name all keys");
      }
      if (name.indexOf('\0') >= 0) {
        return new Mistake("a key has a NUL", "give it another name");
      }
      String within = open.element();
      keys = within.isEmpty() ? name : within + WITHIN + name;
      return null;
    }

    private @Nullable Mistake number(JsonToken token, JsonParser json) throws IOException {
      if (Double.isInfinite(json.getDoubleValue())) {
        return new Mistake(
            "the number %s is beyond DOUBLE".formatted(start(json.getText())),
            "write it as a string, or null");
      }
      if (token == JsonToken.VALUE_NUMBER_FLOAT) {
        fractions.add(keys);
      } else if (json.getNumberType() == NumberType.BIG_INTEGER) {
        large.putIfAbsent(keys, new Large(line, start(json.getText())));
      }
      return null;
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
    private static String said(JsonProcessingException e) {
      return e.getOriginalMessage()
          .split("\n", 2)[0]
          .replaceFirst(": (enable `|maybe a \\(non-standard\\) comment).*", "")
          .replaceFirst(", from `[^`]*`", "");
    }

    private static String start(String text) {
      return text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text;
    }
  }
}
