package io.lastmile.query;

import java.util.Locale;

/**
 * The engine refused a query or failed while it ran. The message is one line, without the SQL that
 * Lastmile wrote; {@link #detail()} is the engine's whole text.
 */
public final class QueryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Kind kind;
  private final String detail;

  QueryException(Kind kind, String detail) {
    super(line(kind, detail));
    this.kind = kind;
    this.detail = detail;
  }

  public Kind kind() {
    return kind;
  }

  /** The engine's text as it came, of several lines, with its excerpt of the SQL. */
  public String detail() {
    return detail;
  }

  /** The message, never null. */
  public String text() {
    String message = getMessage();
    return message == null ? detail : message;
  }

  /** The failure that the engine describes in a text that starts with {@code "Binder Error: "}. */
  static QueryException of(String detail) {
    return new QueryException(Kind.ofText(detail), detail);
  }

  private static String line(Kind kind, String detail) {
    String text = detail;
    int prefix = text.indexOf(" Error: ");
    if (kind != Kind.OTHER && prefix > 0 && prefix < 30) {
      text = text.substring(prefix + " Error: ".length());
    }
    for (String end : new String[] {"\n\n", "\nLINE ", "\n\tCandidate functions"}) {
      int cut = text.indexOf(end);
      text = cut < 0 ? text : text.substring(0, cut);
    }
    return text.replaceAll("\\s*\\n\\s*", " ").strip();
  }

  /** What failed, from the engine's error type. */
  public enum Kind {
    PARSER(14),
    SYNTAX(22),
    BINDER(24),
    CATALOG(13),
    CONVERSION(2),
    OUT_OF_RANGE(1),
    MISMATCH_TYPE(5),
    NOT_IMPLEMENTED(11),
    INVALID_INPUT(32),
    OUT_OF_MEMORY(33),
    /** A file that cannot be read, or whose content cannot. */
    IO(28),
    /** {@link Session#interrupt()} was called. */
    INTERRUPTED(29),
    PERMISSION(34),
    INTERNAL(31),
    FATAL(30),
    /** Any other. */
    OTHER(0);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    static Kind ofCode(int code) {
      for (Kind kind : values()) {
        if (kind.code == code) {
          return kind;
        }
      }
      return OTHER;
    }

    static Kind ofText(String detail) {
      int end = detail.indexOf(" Error: ");
      if (end <= 0) {
        return OTHER;
      }
      String word = detail.substring(0, end).toUpperCase(Locale.ROOT).replace(' ', '_');
      for (Kind kind : values()) {
        if (kind.name().equals(word)) {
          return kind;
        }
      }
      return word.equals("INTERRUPT") ? INTERRUPTED : OTHER;
    }
  }
}
