package io.lastmile.query;

import java.nio.charset.StandardCharsets;

/** Places in SQL: the engine counts UTF-8 bytes, Java counts chars. */
final class Text {
  private Text() {}

  /** The number of chars that the first {@code bytes} bytes of a text are. */
  static int chars(String text, int bytes) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return new String(utf8, 0, Math.min(bytes, utf8.length), StandardCharsets.UTF_8).length();
  }

  /** The end of the identifier that begins at a char: a quoted one's quote, or its last letter. */
  static int identifierEnd(String sql, int begin) {
    boolean quoted = begin < sql.length() && sql.charAt(begin) == '"';
    for (int at = quoted ? begin + 1 : begin; at < sql.length(); at++) {
      char c = sql.charAt(at);
      if (!quoted && !isIdentifier(c)) {
        return at;
      }
      if (quoted && c == '"') {
        if (at + 1 == sql.length() || sql.charAt(at + 1) != '"') {
          return at + 1;
        }
        at++;
      }
    }
    return sql.length();
  }

  /** The name that an identifier means. */
  static String unquoted(String identifier) {
    boolean quoted = identifier.length() >= 2 && identifier.startsWith("\"");
    return quoted
        ? identifier.substring(1, identifier.length() - 1).replace("\"\"", "\"")
        : identifier;
  }

  private static boolean isIdentifier(char c) {
    return c >= 0x80
        || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '_'
        || c == '$';
  }
}
