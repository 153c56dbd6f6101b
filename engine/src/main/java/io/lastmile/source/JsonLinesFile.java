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
import java.nio.file.Files;

/** A check of files with one JSON object a line; the engine's own miscounts the lines. */
final class JsonLinesFile {
  private static final int SHOWN = 80;
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private JsonLinesFile() {}

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
    String wrong;
    try (JsonParser json = JSON.createParser(line)) {
      boolean isObject = json.nextToken() == JsonToken.START_OBJECT;
      if (isObject) {
        json.skipChildren();
      }
      wrong = !isObject ? "no JSON object" : json.nextToken() != null ? "more than one value" : "";
    } catch (JsonProcessingException e) {
      wrong = "no JSON (" + e.getOriginalMessage().split("\n", 2)[0] + ")";
    }
    if (!wrong.isEmpty()) {
      String shown = line.length() > SHOWN ? line.substring(0, SHOWN) + "…" : line;
      throw LastmileException.user(
          element,
          "\"%s\", line %d: %s: %s (each line must be one JSON object)"
              .formatted(file.shown(), number, wrong, shown.strip()));
    }
  }
}
