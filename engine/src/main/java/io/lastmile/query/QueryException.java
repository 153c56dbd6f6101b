package io.lastmile.query;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The engine refused a query or failed while it ran. The message is one line, without the SQL that
 * Lastmile wrote; {@link #detail()} is the engine's whole text.
 */
public final class QueryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final Pattern PREFIX = Pattern.compile("^[A-Z][A-Za-z ]{1,30} Error: ");
  private static final List<String> FIRST_LINE = List.of("\n");
  private static final List<String> FIRST_PARAGRAPH =
      List.of("\n\n", "\nLINE ", "\n\tCandidate functions");

  /** How the engine begins to say which call of the system failed. */
  private static final List<String> SYSTEM =
      List.of("Could not read from file \"", "Cannot open file \"");

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

  /**
   * Whether what the query reads may be the reason, so that it fails each time. Otherwise the
   * engine had not what it needed, was interrupted or broke; or the system did not let it read,
   * which is not what becomes of content that nobody can read.
   */
  public boolean mayBeOfData() {
    return switch (kind) {
      case OUT_OF_MEMORY, INTERRUPTED, INTERNAL, FATAL -> false;
      case IO -> SYSTEM.stream().noneMatch(detail::contains);
      case PARSER,
          SYNTAX,
          BINDER,
          CATALOG,
          CONVERSION,
          OUT_OF_RANGE,
          MISMATCH_TYPE,
          NOT_IMPLEMENTED,
          INVALID_INPUT,
          PERMISSION,
          OTHER ->
          true;
    };
  }

  /** The message, one line, never null. */
  public String summary() {
    String message = getMessage();
    return message == null ? detail : message;
  }

  /** The failure that the engine describes in a text that starts with {@code "Binder Error: "}. */
  static QueryException of(String detail) {
    return new QueryException(Kind.ofText(detail), detail);
  }

  private static String line(Kind kind, String detail) {
    Matcher prefix = PREFIX.matcher(detail);
    String text = prefix.find() ? detail.substring(prefix.end()) : detail;
    for (String end : kind == Kind.OUT_OF_MEMORY ? FIRST_LINE : FIRST_PARAGRAPH) {
      int cut = text.indexOf(end);
      text = cut < 0 ? text : text.substring(0, cut);
    }
    return text.replaceAll("\\s*\\n\\s*", " ").strip();
  }

  /** What failed, from the kind of error that the engine's text begins with. */
  public enum Kind {
    PARSER,
    SYNTAX,
    BINDER,
    CATALOG,
    CONVERSION,
    OUT_OF_RANGE,
    MISMATCH_TYPE,
    NOT_IMPLEMENTED,
    INVALID_INPUT,
    OUT_OF_MEMORY,
    /** A file that cannot be read, or whose content cannot. */
    IO,
    /** {@link Session#interrupt()} was called. */
    INTERRUPTED,
    PERMISSION,
    INTERNAL,
    FATAL,
    /** Any other. */
    OTHER;

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
